export { type DecodedSubtitle, decodeSubtitle } from "./encoding.js";
export * from "./errors.js";
export type { LanguagePair, TranslatedCue, Translation, TranslationProvider } from "./provider.js";
export { type Cue, formatSrt, parseSrt } from "./srt.js";
export {
  type TranslatedSubtitle,
  type TranslateOptions,
  type TranslationProgress,
  translateCues,
} from "./translate.js";
export { loadTranslationMemory, type TranslationMemoryOptions } from "./translation-memory.js";
