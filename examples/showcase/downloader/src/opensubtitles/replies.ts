import { z } from "zod";

// Reads replies leniently. Many fields that the documentation guarantees are null, and counts are sometimes text. A field that is
// not required and cannot be read counts as missing.
const count = z.coerce.number().catch(0);
const flag = z.boolean().nullish().catch(null);
const text = z.string().nullish().catch(null);
/** Time with or without a fraction. Null for other text. */
const time = text.transform((value) => {
  const at = Date.parse(value ?? "");
  return Number.isNaN(at) ? null : new Date(at).toISOString();
});
const number = z.number().nullish().catch(null);

export const loginReply = z.object({
  token: z.string().min(1),
  /** Host for all later requests. */
  base_url: text,
  user: z.object({ allowed_downloads: number }).nullish().catch(null),
});

const feature = z.object({
  /** `Movie`, `Episode` or `Tvshow`. */
  feature_type: text,
  title: text,
  original_title: text,
  /** Series of an episode. */
  parent_title: text,
  year: number,
  season_number: number,
  episode_number: number,
});

const subtitle = z.object({
  id: z.coerce.string().catch(""),
  attributes: z.object({
    language: text,
    release: text,
    download_count: count,
    ratings: count,
    hearing_impaired: flag,
    foreign_parts_only: flag,
    from_trusted: flag,
    ai_translated: flag,
    machine_translated: flag,
    moviehash_match: flag,
    feature_details: feature.nullish().catch(null),
    files: z.array(z.object({ file_id: z.number(), file_name: text })).catch([]),
  }),
});
export type FoundSubtitle = z.output<typeof subtitle>["attributes"] & { readonly id: string };

export const searchReply = z.object({
  data: z
    .array(subtitle.nullable().catch(null))
    .transform((all) => all.flatMap((one): FoundSubtitle[] => (one ? [{ id: one.id, ...one.attributes }] : []))),
});

export const downloadReply = z.object({ link: z.string().min(1), remaining: number, reset_time_utc: time });

/** Body of a 406 if the quota is used up. A 406 for an invalid token has none of these fields. */
export const quotaReply = z.object({ remaining: z.number(), reset_time_utc: time });
