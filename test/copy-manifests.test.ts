import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { copyTemplates } from "../scripts/dev/copy.mjs";

test("every manifest of a copy with the showcase depends on the tarballs of the packages, also for development", async () => {
  const folder = await mkdtemp(join(tmpdir(), "subtitles-manifests-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const tarballs = ["subtitles-job-store-0.0.0.tgz", "subtitles-queue-0.0.0.tgz"].map((name) =>
    join(folder, "packages", name),
  );
  await mkdir(join(folder, "packages"));
  for (const tarball of tarballs) await writeFile(tarball, "");

  await copyTemplates(folder, { showcase: true });

  const files = await readdir(folder, { recursive: true });
  const manifests = files.filter((file) => basename(file) === "package.json").map((file) => join(folder, file));
  expect(manifests).toContain(join(folder, "showcase/cli/package.json"));
  for (const manifest of manifests) {
    const { dependencies = {}, devDependencies = {} } = JSON.parse(await readFile(manifest, "utf8"));
    const versions = Object.entries<string>({ ...dependencies, ...devDependencies });
    for (const [name, version] of versions.filter(([name]) => /^@subtitles\/(job-store|queue)$/.test(name))) {
      expect(tarballs, `${name} in ${manifest}`).toContain(resolve(dirname(manifest), version.replace(/^file:/, "")));
    }
  }
});
