import { existsSync } from "node:fs";
import { cp, readdir, readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import { print, root, run } from "./run.mjs";

/** Folder of the tarballs in a copy. */
const TARBALLS = "packages";

/** Entries of `examples` that a copy does not get. The showcase is copied only on request. */
const LEFT_OUT = ["node_modules", "storage", "dist"];

/**
 * Packs both packages into a folder, as they will be published. So npm can install them before the first release.
 *
 * @param {string[]} args the folder, relative to the one in which npm was called
 * @returns {Promise<number>} the exit code
 */
export async function pack([name, ...others]) {
  if (name === undefined || others.length > 0) {
    print("Usage: npm run pack -- <folder>");
    return 2;
  }
  const folder = asSeenByCaller(name);
  const code = await packTo(folder);
  if (code === 0) print(`In your project, run: npm install ${folder}/*.tgz zod`);
  return code;
}

/** @param {string} folder @returns {Promise<number>} the exit code */
async function packTo(folder) {
  const packing = ["--recursive", "--filter", "./packages/*", "pack", "--pack-destination", folder];
  return (await run("pnpm", packing, { show: "failures" })).code;
}

/** Returns the full path of a folder that was given to npm. @param {string} name */
function asSeenByCaller(name) {
  return resolve(process.env.INIT_CWD ?? root, name);
}

/**
 * Copies the templates to a folder that does not exist yet, with tarballs of both packages. So npm alone can install the copy.
 *
 * @param {string[]} args the folder, relative to the one in which npm was called. `--showcase` also copies the showcase
 * @returns {Promise<number>} the exit code
 */
export async function copy(args) {
  const [name, ...others] = args.filter((argument) => argument !== "--showcase");
  if (name === undefined || others.length > 0) {
    print("Usage: npm run copy -- [--showcase] <folder>");
    return 2;
  }
  const folder = asSeenByCaller(name);
  if (existsSync(folder)) {
    print(`${folder} exists already. Give the name of a new folder.`);
    return 2;
  }
  const code = await packTo(join(folder, TARBALLS));
  if (code !== 0) return code;
  await copyTemplates(folder, { showcase: args.includes("--showcase") });
  print(`The service is in ${folder}. There, run: npm install && npm start`);
  return 0;
}

/**
 * Copies the templates to a folder that contains the tarballs. The copy depends on them.
 *
 * @param {string} folder
 * @param {{ showcase?: boolean }} [options] `showcase`: also copies the showcase
 */
export async function copyTemplates(folder, { showcase = false } = {}) {
  const leftOut = showcase ? LEFT_OUT : [...LEFT_OUT, "showcase"];
  await cp(join(root, "examples"), folder, {
    recursive: true,
    filter: (source) => !leftOut.includes(basename(source)),
  });
  const tarballs = await readdir(join(folder, TARBALLS));
  const files = await readdir(folder, { recursive: true });
  const manifests = files.filter((file) => basename(file) === "package.json");
  for (const manifest of manifests) await useTarballs(folder, join(folder, manifest), tarballs);
}

/**
 * Replaces the versions of this workspace's packages in a manifest by the paths of their tarballs.
 *
 * @param {string} folder
 * @param {string} path of the manifest
 * @param {readonly string[]} tarballs
 */
async function useTarballs(folder, path, tarballs) {
  const manifest = JSON.parse(await readFile(path, "utf8"));
  for (const tarball of tarballs) {
    const [, name] = /^subtitles-(.+?)-\d.*\.tgz$/.exec(tarball) ?? [];
    const dependency = `@subtitles/${name}`;
    for (const group of [manifest.dependencies, manifest.devDependencies]) {
      if (group?.[dependency] === undefined) continue;
      group[dependency] = `file:${relative(dirname(path), join(folder, TARBALLS, tarball))}`;
    }
  }
  await writeFile(path, `${JSON.stringify(manifest, null, 2)}\n`);
}
