import { existsSync } from "node:fs";
import { cp, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { print, root, run } from "./run.mjs";

/** Folder of the tarballs in a copy. */
const TARBALLS = "packages";

/** Entries of `examples` that a copy does not get. */
const LEFT_OUT = ["node_modules", "showcase", "storage"];

/**
 * Copies the templates to a folder that does not exist yet, with tarballs of both packages. So npm alone can install the copy.
 *
 * @param {string[]} args the folder, relative to the one in which npm was called
 * @returns {Promise<number>} the exit code
 */
export async function copy(args) {
  const [name] = args;
  if (name === undefined || args.length > 1) {
    print("Usage: npm run copy -- <folder>");
    return 2;
  }
  const folder = resolve(process.env.INIT_CWD ?? root, name);
  if (existsSync(folder)) {
    print(`${folder} exists already. Give the name of a new folder.`);
    return 2;
  }
  const packing = ["--recursive", "--filter", "./packages/*", "pack", "--pack-destination", join(folder, TARBALLS)];
  const { code } = await run("pnpm", packing, { show: "failures" });
  if (code !== 0) return code;
  await copyTemplates(folder);
  print(`The service is in ${folder}. There, run: npm install && npm start`);
  return 0;
}

/**
 * Copies the templates to a folder that contains the tarballs. The copy depends on them.
 *
 * @param {string} folder
 */
export async function copyTemplates(folder) {
  const examples = join(root, "examples");
  await mkdir(folder, { recursive: true });
  for (const name of await readdir(examples)) {
    if (!LEFT_OUT.includes(name)) await cp(join(examples, name), join(folder, name), { recursive: true });
  }
  const manifest = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
  for (const tarball of await readdir(join(folder, TARBALLS))) {
    const [, name] = /^subtitles-(.+?)-\d.*\.tgz$/.exec(basename(tarball)) ?? [];
    if (name !== undefined) manifest.dependencies[`@subtitles/${name}`] = `file:${TARBALLS}/${tarball}`;
  }
  await writeFile(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
}
