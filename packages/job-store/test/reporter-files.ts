import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** A folder for one test's journals. */
export class JournalFolder {
  readonly #path = mkdtempSync(join(tmpdir(), "reporter-"));
  #copies = 0;

  constructor() {
    onTestFinished(() => rmSync(this.#path, { recursive: true, force: true }));
  }

  file(name = "journal"): string {
    return join(this.#path, name);
  }

  /** The journal as a crash at this moment would leave it, at a path that nobody holds. */
  crash(path = this.file()): string {
    const copy = this.file(`crashed-${this.#copies++}`);
    if (existsSync(path)) copyFileSync(path, copy);
    return copy;
  }

  lines(path = this.file()): readonly string[] {
    return readFileSync(path, "utf8").split("\n").slice(0, -1);
  }
}
