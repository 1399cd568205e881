import type { FileHandle } from "node:fs/promises";
import { invalid } from "../arguments.js";
import type { JobDefinition } from "../definition.js";
import { JobStoreError } from "../errors.js";
import { isError } from "../is-error.js";
import { builtIn, fs } from "./built-in.js";
import { unwritable } from "./given-up.js";
import { lockJournal } from "./journal-lock.js";
import { changeLine, headerLine, type JournalContent, readJournal, refusedLine, settledLine } from "./journal-text.js";
import type { Fence, Report } from "./report.js";

const MAX_BYTES = 16 * 1024 * 1024;
/** What waits takes no more than this: so a file that has reached its limit shrinks by a quarter, or is full. */
const MAX_WAITING_BYTES = (MAX_BYTES / 4) * 3;

interface Entry<D extends JobDefinition> {
  readonly line: string;
  /** The change that is to wait; absent where one was refused or settled. */
  readonly accepted?: Report<D>;
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * A file of the changes that wait, so that they outlive this process. Lines of one turn, and those that come while others
 * are being written, share one write and one fdatasync. When nothing waits any more, the file is emptied.
 */
export class Journal<D extends JobDefinition> {
  readonly #path: string;
  readonly #header: string;
  readonly #unlock: () => void;
  #file: FileHandle | undefined;
  /** Up to here the file is known to be whole. */
  #size: number;
  /** Something may stand behind `#size`. */
  #torn: boolean;
  /** What is written and waits, with the bytes it takes. */
  readonly #waiting = new Map<Report<D>, number>();
  /** The lines of those that were refused and are not settled yet. */
  readonly #refusals = new Map<Report<D>, string>();
  #waitingBytes = 0;
  #batch: Entry<D>[] = [];
  #writing: Promise<void> | undefined;

  /**
   * Takes the journal for this reporter and reads what an earlier one left.
   * @throws JobStoreError INVALID_ARGUMENT where it is in use, belongs to another definition, or cannot be opened
   */
  static open<D extends JobDefinition>(path: string, definition: D): { journal: Journal<D>; content: JournalContent } {
    let unlock: (() => void) | undefined;
    try {
      unlock = lockJournal(path);
      fs().closeSync(fs().openSync(path, "a", 0o600));
      if (fs().statSync(path).size > 2 * MAX_BYTES)
        return invalid(`The journal ${path} is larger than a journal can be.`);
      const bytes = fs().readFileSync(path);
      const content = readJournal(bytes.toString("utf8"));
      const stranger = content.definition !== null && content.definition !== definition.name;
      if (stranger) return invalid(`The journal ${path} holds changes of "${content.definition}" jobs.`);
      if (content.damaged.length > 0) fs().copyFileSync(path, `${path}.damaged`);
      const journal = new Journal<D>(path, headerLine(definition.name), unlock, bytes);
      unlock = undefined;
      return { journal, content };
    } catch (error) {
      if (JobStoreError.is(error)) throw error;
      return invalid(`The journal ${path} cannot be opened: ${codeOf(error)}.`);
    } finally {
      unlock?.();
    }
  }

  private constructor(path: string, header: string, unlock: () => void, bytes: Buffer) {
    this.#path = path;
    this.#header = header;
    this.#unlock = unlock;
    this.#size = bytes.lastIndexOf("\n") + 1;
    this.#torn = this.#size < bytes.length;
  }

  /** Counts a change that was read from the file. */
  adopt(report: Report<D>): void {
    this.#count(report, Buffer.byteLength(changeLine(report)));
  }

  /** Resolves once the change is on the disk. @throws JobStoreError UNAVAILABLE: the journal is full, or cannot be written */
  async accept(report: Report<D>): Promise<void> {
    const line = changeLine(report);
    const bytes = Buffer.byteLength(line);
    if (this.#waitingBytes + bytes > MAX_WAITING_BYTES) throw unwritable(report, `The journal ${this.#path} is full.`);
    this.#waitingBytes += bytes;
    try {
      await this.#add(line, report);
    } catch (error) {
      throw unwritable(report, `The journal ${this.#path} cannot be written: ${codeOf(error)}.`);
    } finally {
      this.#waitingBytes -= bytes;
    }
  }

  /** Resolves once it is on the disk that the store refused a change: it must not be tried again. Never throws. */
  async refuse(report: Report<D>, error: JobStoreError): Promise<void> {
    const line = refusedLine(report.key, error);
    this.#refusals.set(report, line);
    await this.#add(line).catch(() => {});
  }

  /**
   * Resolves once it is on the disk that a change needs nothing more. Never throws: where that cannot be written, the
   * change is looked at again, and known by its key.
   */
  async settle(report: Report<D>): Promise<void> {
    this.#waitingBytes -= this.#waiting.get(report) ?? 0;
    this.#waiting.delete(report);
    this.#refusals.delete(report);
    await this.strike(report);
  }

  /** The same for a change that was read from the file and cannot be taken up. */
  async strike(change: { readonly key: string; readonly fence: Fence | null }): Promise<void> {
    await this.#add(settledLine(change)).catch(() => {});
  }

  /** Resolves when all is written and the file is free for another reporter. */
  async close(): Promise<void> {
    try {
      await this.#writing;
      await this.#file?.close();
    } catch {
      // All that was promised is on the disk already.
    } finally {
      this.#unlock();
    }
  }

  #count(report: Report<D>, bytes: number): void {
    this.#waiting.set(report, bytes);
    this.#waitingBytes += bytes;
  }

  #add(line: string, accepted?: Report<D>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#batch.push({ line, resolve, reject, ...(accepted && { accepted }) });
      this.#writing ??= this.#write();
    });
  }

  async #write(): Promise<void> {
    await null; // What is added in the same turn belongs to the first batch.
    while (this.#batch.length > 0) {
      const batch = this.#batch;
      this.#batch = [];
      try {
        await this.#commit(batch);
        for (const { line, accepted, resolve } of batch) {
          if (accepted !== undefined) this.#count(accepted, Buffer.byteLength(line));
          resolve();
        }
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#writing = undefined;
  }

  async #commit(batch: readonly Entry<D>[]): Promise<void> {
    const accepting = batch.some(({ accepted }) => accepted !== undefined);
    let text = batch.map(({ line }) => line).join("");
    this.#file ??= await this.#openFile();
    if (this.#torn) await this.#cutTo(this.#size);
    if (!accepting && this.#waiting.size === 0) {
      await this.#cutTo(0);
      return this.#file.datasync();
    }
    if (this.#size + Buffer.byteLength(text) > MAX_BYTES) await this.#compact();
    if (this.#size === 0) text = this.#header + text;
    this.#torn = true;
    await this.#file.appendFile(text);
    await this.#file.datasync();
    this.#torn = false;
    this.#size += Buffer.byteLength(text);
  }

  async #cutTo(size: number): Promise<void> {
    this.#torn = true;
    await this.#file?.truncate(size);
    this.#size = size;
    this.#torn = false;
  }

  /** Writes what waits to a new file, which takes the place of the old one at once or not at all. */
  async #compact(): Promise<void> {
    const lines = [...this.#waiting.keys()].map((report) => changeLine(report) + (this.#refusals.get(report) ?? ""));
    const text = this.#header + lines.join("");
    const path = `${this.#path}.new`;
    await fs().promises.rm(path, { force: true });
    const file = await fs().promises.open(path, "wx", 0o600);
    try {
      await file.writeFile(text);
      await file.datasync();
    } finally {
      await file.close();
    }
    const old = this.#file;
    this.#file = undefined;
    await old?.close();
    await fs().promises.rename(path, this.#path);
    this.#size = Buffer.byteLength(text);
    this.#file = await this.#openFile();
  }

  async #openFile(): Promise<FileHandle> {
    const file = await fs().promises.open(this.#path, "a", 0o600);
    await syncFolder(builtIn("node:path").dirname(this.#path));
    return file;
  }
}

/** So that the file's name, too, outlives a power cut. Not every system lets a folder be opened. */
async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await fs().promises.open(path);
    await folder.sync().finally(() => folder.close());
  } catch {
    // Then there is nothing to be done.
  }
}

function codeOf(error: unknown): string {
  return isError(error) && "code" in error ? String(error.code) : "unknown error";
}
