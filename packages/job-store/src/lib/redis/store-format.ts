import { JobStoreError } from "../errors.js";

/**
 * Format of the keys, records and indexes of a store. It changes with each layout that an older version of this package could misread.
 * The same number is in lua/includes/contact.lua.
 */
export const STORE_FORMAT = 1;

/**
 * Checks that this version of the package can read the format of a store.
 *
 * @param metadata fields of the metadata. Without `format`: the store is new, or older than the field
 * @throws JobStoreError NEWER_FORMAT
 */
export function checkFormat({ format }: Readonly<Record<string, string>>): void {
  const storedFormat = Number(format ?? STORE_FORMAT);
  if (storedFormat <= STORE_FORMAT) return;
  throw new JobStoreError(
    "NEWER_FORMAT",
    `The jobs under this keyPrefix have the store format ${format}, but this version of @subtitles/job-store supports formats up to ` +
      `${STORE_FORMAT}. A newer version wrote them. Nothing was changed. Update @subtitles/job-store in this process.`,
    { storedFormat, supportedFormat: STORE_FORMAT },
  );
}
