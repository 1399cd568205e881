import { execFile, fork } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readdir, realpath, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { cleanUpLater } from "../../../scripts/dev/clean-up.mjs";
import { endWithTest } from "../../processes.js";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../../../", import.meta.url));

/** Packages, and the dependencies that they share with this checkout. */
const PACKAGES = { "job-store": ["ioredis", "uuid", "zod"], queue: ["amqplib"] };

/** Servers of a service, and its prefixes. */
export interface Place {
  readonly redisUrl: string;
  readonly keyPrefix: string;
  readonly rabbitmqUrl: string;
  readonly queuePrefix: string;
}

/** Folder with the packages, for all tests of this process. */
let installed: Promise<string> | undefined;

/** Calls a function of the service by its name. @throws an object with the code and the message of its error */
export type PreviousService = (call: string, ...args: readonly unknown[]) => Promise<unknown>;

/**
 * Starts the service of the previous release in its own process, with the packages from tarballs. Before the first release, these are the
 * tarballs of the present version.
 */
export async function startPrevious(place: Place): Promise<PreviousService> {
  installed ??= install();
  const folder = await installed;
  const child = fork(join(folder, "service.mjs"), [JSON.stringify(place)], { detached: true });
  endWithTest(child);
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: unknown): void }>();
  child.on("message", (reply: { number: number; result?: unknown; error?: unknown }) => {
    const call = waiting.get(reply.number);
    waiting.delete(reply.number);
    if (reply.error === undefined) call?.resolve(reply.result);
    else call?.reject(reply.error);
  });
  child.on("exit", () => {
    for (const { reject } of waiting.values()) reject(new Error("The service of the previous release has ended."));
  });
  await once(child, "message");
  let number = 0;
  return (call, ...args) =>
    new Promise((resolve, reject) => {
      waiting.set(++number, { resolve, reject });
      child.send({ number, call, args }, (error) => error !== null && reject(error));
    });
}

/** Packs the packages, and unpacks them in a temporary folder. Returns the folder. */
async function install(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "subtitles-previous-"));
  cleanUpLater({ path: folder });
  const modules = join(folder, "node_modules");
  for (const [name, dependencies] of Object.entries(PACKAGES)) {
    const target = join(modules, "@subtitles", name);
    await mkdir(target, { recursive: true });
    await run("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", folder, `./packages/${name}`], {
      cwd: root,
    });
    const tarball = (await readdir(folder)).find((file) => file.endsWith(".tgz")) ?? "";
    await run("tar", [
      "--extract",
      "--gzip",
      "--strip-components=1",
      "--file",
      join(folder, tarball),
      "--directory",
      target,
    ]);
    await rm(join(folder, tarball));
    for (const dependency of dependencies) {
      await symlink(
        await realpath(join(root, "packages", name, "node_modules", dependency)),
        join(modules, dependency),
      );
    }
  }
  await cp(fileURLToPath(new URL("service.mjs", import.meta.url)), join(folder, "service.mjs"));
  return folder;
}
