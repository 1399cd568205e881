import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import ts from "typescript";
import { membersOf, OPTIONS } from "./reference-options.mjs";
import { errorCodes, eventTypesOf, headers, limits, parse, queues, stringsIn } from "./reference-tables.mjs";
import { root } from "./run.mjs";

const PAGE = "docs/reference.md";
const STORE = "packages/job-store/src/lib";
const QUEUE = "packages/queue/src/lib";

/** Types of events: the heading, the file, and the name of the type. */
const EVENTS = [
  ["Events of store.watch", `${STORE}/events.ts`, "JobEvent"],
  ["Events of createJobStore", `${STORE}/events.ts`, "StoreEvent"],
  ["Events of createWorker", `${QUEUE}/worker/types.ts`, "WorkerEvent"],
  ["Events of createBroker", `${QUEUE}/driver.ts`, "BrokerEvent"],
];

const TELEMETRY = [`${STORE}/opentelemetry/telemetry.ts`, `${QUEUE}/opentelemetry/telemetry.ts`];

/** @typedef {import("./reference-options.mjs").Member} Member */

/**
 * Generates the reference page from the sources.
 *
 * @param {{ update: boolean }} options `update`: writes the page if it is out of date
 * @returns {Promise<string[]>} complaints
 */
export async function checkReference({ update }) {
  const page = await referencePage();
  const path = join(root, PAGE);
  const stored = await readFile(path, "utf8").catch(() => "");
  if (stored === page) return [];
  if (!update) return [`${PAGE} is out of date. Run npm run check, and commit the page.`];
  await writeFile(path, page);
  return [];
}

async function referencePage() {
  const options = await Promise.all(
    Object.entries(OPTIONS).map(async ([heading, all]) => [
      `## ${heading}`,
      ...(await Promise.all(all.map(optionsOf))).flat(),
    ]),
  );
  const events = await Promise.all(
    EVENTS.map(async ([title = "", file = "", name = ""]) => [`### ${title}`, ...(await eventTables(file, name))]),
  );
  const metrics = (await Promise.all(TELEMETRY.map(metricsOf))).flat();
  return `${[
    "# Reference",
    "This page is generated from the sources: `npm run check` updates it. Do not edit it.",
    [
      "Other pages: [troubleshooting](guides/troubleshooting.md), by symptom and by the text of an error; ",
      "[reasons of `explain`](guides/operate.md); [command line](guides/command-line.md); ",
      "[variables of the example services](guides/configuration.md).",
    ].join(""),
    [
      'In the column "Default", "required" is an option that has no default, and "none" is an option that has no effect if it is absent. ',
      "Times whose names end in `Ms` are in milliseconds.",
    ].join(""),
    ...options.flat(),
    "## Events",
    "`store.watch` returns events of jobs. The option `onEvent` of the other functions receives events for logs.",
    ...events.flat(),
    "## Error codes",
    ...sections(["Code", "Meaning", "What to do"], await errorCodes()),
    "These codes are in `job.error.code`. The store fails a job with `TIMEOUT` if it had no activity for `timeoutSeconds` of its status: check that workers run, and retry it.",
    "## Limits",
    "Options have their limits in their own tables. A regular expression shows which names are valid.",
    ...sections(["Value", "Limit"], await limits()),
    "## Metrics",
    [
      "`instrument` of each package records these metrics. These are the names in OpenTelemetry. ",
      "[Monitoring](monitoring/README.md#export-the-metrics) describes their names in Prometheus. Durations and times are in seconds.",
    ].join(""),
    [
      "In addition to the attributes in the table, the `subtitles.*` metrics of the job store have `subtitles.job.definition`, and ",
      "`db.client.operation.duration` has `db.system.name` and `db.collection.name` (the definition). All metrics of the queue have ",
      "`messaging.destination.name` (the queue).",
    ].join(""),
    table(["Name", "Kind", "Meaning", "Attributes"], metrics),
    "## Redis keys",
    "Every key begins with `keyPrefix`, and in a shard then with `{jobs-<shard>}:`.",
    table(["Key", "Content"], await keysOf()),
    "## RabbitMQ",
    "### Queues",
    [
      "A queue `q` with the retry delay 1,000 ms consists of these durable queues. `<prefix>` is the option `prefix` of `rabbitmqDriver`. ",
      "Messages are published through the default exchange. `deliveryLimit` of `defineQueue` sets the delivery limit of `q`.",
    ].join(""),
    table(["Queue", "Arguments of a quorum queue", "Arguments of a classic queue"], await queues()),
    "### Headers",
    "The package adds these headers to messages.",
    table(["Header", "Meaning"], await headers()),
  ].join("\n\n")}\n`;
}

/** Returns the heading, the note and the table of the options of one function. @param {import("./reference-options.mjs").OptionsOf} options */
async function optionsOf({ title, from, note }) {
  const members = (await Promise.all(from.map(([file, name]) => membersOf(file, name)))).flat();
  const rows = members.map(({ name, required, text, standard }) => {
    if (text === "") throw new Error(`The option ${name} of ${title} has no comment.`);
    return [`\`${name}\``, standard !== "" ? asDefault(standard) : required ? "required" : "none", text];
  });
  return [`### ${title}`, ...(note === undefined ? [] : [note]), table(["Option", "Default", "Meaning"], rows)];
}

/** Returns a default for a table. "10_000" and "2000" are the notation of code. @param {string} standard */
function asDefault(standard) {
  return standard
    .replaceAll(/(?<=\d)_(?=\d)/g, "")
    .replaceAll(/\b\d{4,}\b/g, (digits) => Number(digits).toLocaleString("en"))
    .replace(/^concurrency$/, "`concurrency`");
}

/** Returns the tables of the types and of the properties of events. @param {string} file @param {string} name */
async function eventTables(file, name) {
  const { intro, rows } = await eventTypesOf(file, name);
  const members = await membersOf(file, name);
  const properties = members
    .filter((member) => member.text !== "" && (member.name !== "type" || rows.length === 0))
    .map((member) => [`\`${member.name}\``, member.text]);
  return [
    ...(intro === "" ? [] : [intro]),
    ...(rows.length === 0 ? [] : [table(["Type", "Meaning"], rows)]),
    ...(properties.length === 0 ? [] : [table(["Property", "Meaning"], properties)]),
  ];
}

/**
 * Returns the metrics that a file creates: calls whose first argument is a name, followed by a description. A comment before the statement
 * can contain their attributes: "// Attributes: `error.type`."
 *
 * @param {string} file
 */
async function metricsOf(file) {
  const source = await parse(file);
  /** @type {string[][]} */
  const rows = [];
  /** @param {ts.Node} node */
  const visit = (node) => {
    const [name] = ts.isCallExpression(node) ? node.arguments : [];
    if (
      ts.isCallExpression(node) &&
      name !== undefined &&
      ts.isStringLiteral(name) &&
      /^[a-z_]+(\.[a-z_]+)+$/.test(name.text)
    ) {
      const description = stringsIn(node).find((text) => text.endsWith("."));
      const [kind = ""] = /histogram|counter|gauge/i.exec(node.expression.getText()) ?? [];
      const statement = ts.findAncestor(node, ts.isStatement)?.getFullText() ?? "";
      const [, attributes = ""] = /^\s*\/\/ Attributes: (.*)\.$/m.exec(statement) ?? [];
      if (description !== undefined) rows.push([`\`${name.text}\``, kind.toLowerCase(), description, attributes]);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return rows;
}

/** Returns the keys of a store: their names from the function that makes them, and their comments from the interface. */
async function keysOf() {
  const file = `${STORE}/redis/keys.ts`;
  const members = await membersOf(file, "Keys");
  const source = await parse(file);
  /** @type {string[][]} */
  const rows = [];
  /** @param {ts.Node} node */
  const visit = (node) => {
    const value = ts.isPropertyAssignment(node) ? node.initializer : undefined;
    const template = value !== undefined && ts.isArrowFunction(value) ? value.body : value;
    if (ts.isPropertyAssignment(node) && template !== undefined && ts.isTemplateExpression(template)) {
      const name = template
        .getText()
        .slice(1, -1)
        .replaceAll(/\$\{(\w+)\}/g, (_, part) => (part === "prefix" ? "" : `<${part}>`));
      const text = members.find((member) => member.name === node.name.getText())?.text ?? "";
      rows.push([`\`${name}\``, text.replace(/[;,]? see lua\/[^ ]+\.lua\./, ".")]);
    }
    ts.forEachChild(node, visit);
  };
  ts.forEachChild(source, visit);
  return rows;
}

/**
 * Returns a heading and a table for each title.
 *
 * @param {readonly string[]} head
 * @param {Readonly<Record<string, readonly (readonly string[])[]>>} tables
 */
function sections(head, tables) {
  return Object.entries(tables).flatMap(([title, rows]) => [`### ${title}`, table(head, rows)]);
}

/**
 * @param {readonly string[]} head
 * @param {readonly (readonly string[])[]} rows
 */
function table(head, rows) {
  const line = (/** @type {readonly string[]} */ cells) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
