import { z } from "zod";

// Much that is documented as always there arrives as null, and counts come as text at times: what we do not need to be
// right is read leniently, and what cannot be read counts as absent.
const count = z.coerce.number().catch(0);
const flag = z.boolean().nullish().catch(null);
const text = z.string().nullish().catch(null);
/** With and without a fraction; null for what is no time. */
const time = text.transform((value) => {
  const at = Date.parse(value ?? "");
  return Number.isNaN(at) ? null : new Date(at).toISOString();
});
const number = z.number().nullish().catch(null);

export const loginReply = z.object({
  token: z.string().min(1),
  /** The host to ask from now on. */
  base_url: text,
  user: z.object({ allowed_downloads: number }).nullish().catch(null),
});

const feature = z.object({
  /** `Movie`, `Episode` or `Tvshow`. */
  feature_type: text,
  title: text,
  original_title: text,
  /** Of an episode: its series. */
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

/** The body of a 406 where the quota is used up; for a token that is no longer good, a 406 has none of this. */
export const quotaReply = z.object({ remaining: z.number(), reset_time_utc: time });
