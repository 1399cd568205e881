export * from "./errors.js";
export type { TranslationProvider } from "./provider.js";
export { type TranslatedSubtitle, translateCues } from "./translate.js";
export { loadTranslationMemory } from "./translation-memory.js";
