import { readdir, readFile } from "node:fs/promises";
import { isBuiltin } from "node:module";
import { dirname, join, relative, sep } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");

/** Returns the paths of the service's files, without the showcase. */
async function sources(): Promise<readonly string[]> {
  const entries = await readdir(root, { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory() && !["node_modules", "showcase"].includes(entry.name));
  const below = folders.map(async ({ name }) =>
    (await readdir(join(root, name), { recursive: true })).map((path) => join(name, path)),
  );
  const paths = [...entries.map(({ name }) => name), ...(await Promise.all(below)).flat()];
  return paths.filter((path) => path.endsWith(".ts") && !path.split(sep).includes("node_modules"));
}

test("code and tests only import files of this folder and the packages of package.json, so the folder can be copied", async () => {
  const { dependencies, devDependencies } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  const packages = Object.keys({ ...dependencies, ...devDependencies });
  const wrong: string[] = [];
  const paths = await sources();
  expect(paths).toContain(join("contracts", "job.ts"));
  for (const path of paths) {
    const code = await readFile(join(root, path), "utf8");
    for (const [, target = ""] of code.matchAll(/(?:from|^import|import\() ?"([^"]+)"/gm)) {
      const own = relative(root, join(root, dirname(path), target)).split(sep)[0] ?? "";
      const isAllowed = target.startsWith(".")
        ? !["..", "showcase"].includes(own)
        : isBuiltin(target) || packages.some((name) => target === name || target.startsWith(`${name}/`));
      if (!isAllowed) wrong.push(`${path} imports ${target}`);
    }
  }
  expect(wrong).toEqual([]);
});
