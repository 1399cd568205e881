import { canonicalTag } from "@showcase/contracts/language";
import { z } from "zod";

const languageNames = new Intl.DisplayNames("en", { type: "language", fallback: "none" });

/** Returns true for the tag of a language that has a name. "english" is a well-formed tag without a language. */
function isLanguage(tag: string): boolean {
  const canonical = canonicalTag(tag);
  return canonical !== null && languageNames.of(new Intl.Locale(canonical).language) !== undefined;
}

/** A BCP 47 tag in canonical form: "eng" becomes "en", "pt-br" becomes "pt-BR". */
export const language = z
  .string()
  .min(1)
  .max(35)
  .overwrite((tag) => canonicalTag(tag) ?? tag)
  .refine(isLanguage, "must be a language tag such as en, pt-BR or zh-Hant")
  .describe("A language tag (BCP 47) such as en or pt-BR");

/** Address of a video. The page shows it as a link, so only harmless kinds of addresses are accepted. */
const videoUrl = z
  .string()
  .trim()
  .min(1)
  .max(2048)
  .refine(isVideoUrl, "must be an http, https or file address, or an absolute path")
  .describe(
    "An http, https or file address, or an absolute path. " +
      "Subtitles next to the video are found if it is in a media folder of the downloader.",
  );

function isVideoUrl(text: string): boolean {
  if (/\p{Control}/u.test(text)) return false;
  return text.startsWith("/") || ["http:", "https:", "file:"].includes(URL.parse(text)?.protocol ?? "");
}

export const videoTitle = z
  .string()
  .max(300)
  .overwrite((title) => title.replace(/[\p{Control}\p{Surrogate}]+/gu, " ").trim())
  .refine((title) => title !== "", "must not be empty")
  .describe("Title in the usual form, such as The Last Ferry (2021)");

/** Strict: otherwise, a misspelt `targetLanguage` would be ignored, and the job would be completed without a translation. */
export const newJob = z
  .strictObject({
    videoUrl,
    videoTitle,
    language: language.describe("Language of the requested subtitle"),
    targetLanguage: language.nullable().default(null).describe("Language of the translation; null: no translation"),
    preferredSources: z
      .array(z.string().min(1).max(64))
      .max(20)
      .default([])
      .describe("Names of providers to search first, from /api/v1/providers"),
  })
  .refine(({ language, targetLanguage }) => language !== targetLanguage, {
    path: ["targetLanguage"],
    message: "must be another language than the subtitle's",
  })
  .meta({ id: "NewJob" });
