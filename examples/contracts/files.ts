import { randomUUID } from "node:crypto";
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";

/** Folder of the service's files, which all apps share. */
export interface Files {
  /**
   * Stores a file completely or not at all. It replaces a file with the same name.
   * @throws TypeError if the name is not the name of a file in the folder
   */
  save(name: string, content: string): Promise<void>;
  /** Returns the content, or null if there is no such file. */
  read(name: string): Promise<string | null>;
}

/** Creates access to a folder. The first `save` creates the folder. */
export function openFiles(folder: string): Files {
  return {
    async save(name, content) {
      const path = pathOf(folder, name);
      await mkdir(folder, { recursive: true });
      await writeWhole(path, content);
    },
    read: async (name) => readIfThere(pathOf(folder, name)),
  };
}

/** Writes a temporary file, and renames it when its content is on the disk. So no reader sees a part of it. */
export async function writeWhole(path: string, content: string): Promise<void> {
  // Each call has its own temporary file, because two workers can work on the same job for a short time.
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    const file = await open(temporary, "wx");
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Returns the content of a file, or null if there is no such file. */
export async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}

/** Returns the path of a file. @throws TypeError if the name could lead to another folder */
function pathOf(folder: string, name: string): string {
  if (!/^[\w-][\w.-]{0,200}$/.test(name))
    throw new TypeError(`The file name ${JSON.stringify(name)} can only have letters, digits, "_", "-" and ".".`);
  return join(folder, name);
}
