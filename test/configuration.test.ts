import { expect, test } from "vitest";
import type { z } from "zod";
import { connectionEnv, workerEnv } from "../examples/showcase/contracts/src/env.js";
import { downloaderEnv } from "../examples/showcase/downloader/src/env.js";
import { managerEnv } from "../examples/showcase/manager/src/env.js";
import { translatorEnv } from "../examples/showcase/translator/src/env.js";

// Both files are generated from the schemas of the apps. `npm test -- test/configuration.test.ts -u` updates them.

type Shape = Readonly<Record<string, z.ZodType>>;

const APPS: Readonly<Record<string, Shape>> = {
  manager: managerEnv,
  downloader: downloaderEnv,
  translator: translatorEnv,
};

interface Variable {
  readonly name: string;
  readonly meaning: string;
  /** Default value. undefined: the variable is required. */
  readonly defaultValue: string | undefined;
  readonly apps: readonly string[];
}

const names = [...new Set([connectionEnv, workerEnv, ...Object.values(APPS)].flatMap((shape) => Object.keys(shape)))];

const variables = names.map((name): Variable => {
  const apps = Object.keys(APPS).filter((app) => name in (APPS[app] as Shape));
  const schema = (APPS[apps[0] ?? ""] as Shape)[name] as z.ZodType;
  const parsed = schema.safeParse(undefined);
  const meaning = schema.description ?? expect.fail(`${name} has no description`);
  return { name, meaning, defaultValue: parsed.success ? show(parsed.data) : undefined, apps };
});

function show(value: unknown): string {
  return value === undefined || value === "" || (Array.isArray(value) && value.length === 0) ? "" : String(value);
}

test("configuration.md lists every variable of the apps with the description of its schema", async () => {
  const rows = variables.map(({ name, meaning, defaultValue, apps }) => {
    const value = defaultValue === undefined ? "**required**" : defaultValue === "" ? "none" : `\`${defaultValue}\``;
    return `| \`${name}\` | ${value} | ${apps.length === 3 ? "all" : apps.join(", ")} | ${meaning.replaceAll("|", "\\|")} |`;
  });
  const page = `# Configuration

This page lists every variable of the [showcase](../../examples/showcase). The templates have
[fewer variables](../../examples/README.md#settings), and the packages themselves read none.

An empty variable counts as missing. If a variable is missing or invalid, the app does not start. It prints the name and the error of
each such variable, without its value.

| Variable | Default | Read by | Meaning |
|---|---|---|---|
${rows.join("\n")}

If \`REDIS_JOB_TTL_*\` is not set, completed jobs are kept for 604800 seconds, failed jobs for 259200 seconds, and active jobs without
a limit. The \`job-store\` command also reads \`REDIS_URL\` and \`REDIS_KEY_PREFIX\`.

This page and \`.env.example\` are generated from the schemas: \`npm test -- test/configuration.test.ts -u\`.
`;
  await expect(page).toMatchFileSnapshot("../docs/guides/configuration.md");
});

test(".env.example contains every variable, and those with a default as a comment", async () => {
  const lines = variables.map(({ name, meaning, defaultValue, apps }) => {
    const example = /such as (\S+[^\s,.;)])/.exec(meaning)?.[1] ?? "";
    const setting = defaultValue === undefined ? `${name}=${example}` : `# ${name}=${defaultValue}`;
    return `# ${apps.length === 3 ? "All apps" : apps.join(", ")}: ${meaning}\n${setting}\n`;
  });
  await expect(`${lines.join("\n")}`).toMatchFileSnapshot("../examples/showcase/.env.example");
});
