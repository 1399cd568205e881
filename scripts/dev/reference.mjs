import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import ts from "typescript";
import { errorCodes, headers, limits, oneLine, parse, queues, stringsIn } from "./reference-tables.mjs";
import { root } from "./run.mjs";

const PAGE = "docs/reference.md";
const STORE = "packages/job-store/src/lib";
const QUEUE = "packages/queue/src/lib";

/** Options by the function that takes them: the file, and the name of the type or of the function in it. */
const OPTIONS = [
  ["defineJob", `${STORE}/definition.ts`, "defineJob"],
  ["A status of defineJob", `${STORE}/status-rule.ts`, "StatusRule"],
  ["createJobStore", `${STORE}/create-job-store.ts`, "JobStoreOptions"],
  ["redisDriver", `${STORE}/redis/options.ts`, "RedisDriverOptions"],
  ["memoryDriver of the job store", `${STORE}/memory/memory-driver.ts`, "MemoryDriverOptions"],
  ["create", `${STORE}/types.ts`, "CreateOptions"],
  ["request", `${STORE}/types.ts`, "RequestOptions"],
  ["updateStatus", `${STORE}/types.ts`, "Change"],
  ["list", `${STORE}/types.ts`, "ListQuery"],
  ["A message of the outbox", `${STORE}/outbox.ts`, "OutboxMessage"],
  ["pauseQueue", `${STORE}/worker-operations.ts`, "PauseOptions"],
  ["createReporter", `${STORE}/reporter/reporter.ts`, "ReporterOptions"],
  ["createDashboard", `${STORE}/dashboard/options.ts`, "DashboardOptions"],
  ["instrument of the job store", `${STORE}/opentelemetry/instrument.ts`, "InstrumentOptions"],
  ["defineQueue", `${QUEUE}/definition.ts`, "defineQueue"],
  ["createBroker", `${QUEUE}/broker.ts`, "createBroker"],
  ["rabbitmqDriver", `${QUEUE}/rabbitmq/options.ts`, "RabbitmqDriverOptions"],
  ["memoryDriver of the queue", `${QUEUE}/memory/memory-driver.ts`, "memoryDriver"],
  ["publish", `${QUEUE}/types.ts`, "PublishOptions"],
  ["consume", `${QUEUE}/types.ts`, "ConsumeOptions"],
  ["createRelay", `${QUEUE}/relay.ts`, "createRelay"],
  ["createWorker", `${QUEUE}/worker/types.ts`, "WorkerOptions"],
  ["instrument of the queue", `${QUEUE}/opentelemetry/instrument.ts`, "InstrumentOptions"],
];

/** Types of events: the file, and the name of the type. */
const EVENTS = [
  ["Store (`onEvent` of createJobStore)", `${STORE}/types.ts`, "StoreEvent"],
  ["Worker (`onEvent` of createWorker)", `${QUEUE}/worker/types.ts`, "WorkerEvent"],
  ["Broker (`onEvent` of createBroker)", `${QUEUE}/driver.ts`, "BrokerEvent"],
];

const TELEMETRY = [`${STORE}/opentelemetry/telemetry.ts`, `${QUEUE}/opentelemetry/telemetry.ts`];

/** @typedef {{ name: string, required: boolean, text: string, standard: string }} Member `standard`: default value */

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
    OPTIONS.map(async ([title = "", file = "", name = ""]) => [
      `### ${title}`,
      optionsTable(await membersOf(file, name)),
    ]),
  );
  const events = await Promise.all(
    EVENTS.map(async ([title = "", file = "", name = ""]) => [
      `### ${title}`,
      eventsTable(await membersOf(file, name)),
    ]),
  );
  const metrics = (await Promise.all(TELEMETRY.map(metricsOf))).flat();
  return `${[
    "# Reference",
    "This page is generated from the sources: `npm run check` updates it. Do not edit it.",
    [
      "Other pages: [troubleshooting](guides/troubleshooting.md), by symptom and by the text of an error; ",
      "[variables of the example services](guides/configuration.md).",
    ].join(""),
    "## Options",
    ...options.flat(),
    "## Events",
    ...events.flat(),
    "## Error codes",
    ...sections(["Code", "Meaning", "What to do"], await errorCodes()),
    "The store fails a job with `TIMEOUT` if it had no activity for `timeoutSeconds` of its status: check that workers run, and retry it.",
    "## Limits",
    "Options have their limits in their own tables. A regular expression shows which names are valid.",
    ...sections(["Value", "Limit"], await limits()),
    "## Metrics",
    "Names of OpenTelemetry. Prometheus shows them with `_` in the place of `.`, and with the unit.",
    table(["Name", "Meaning"], metrics),
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

/**
 * Returns the members of a type, or the options of a function.
 *
 * @param {string} file
 * @param {string} name
 * @returns {Promise<Member[]>}
 */
async function membersOf(file, name) {
  const source = await parse(file);
  for (const statement of source.statements) {
    if (ts.isFunctionDeclaration(statement) && statement.name?.text === name) {
      const members = parametersOf(statement);
      // The members of the parameter's type have the comments, or the parameter has them.
      return members.length > 0 ? members : propertiesOf(statement.parameters[0] ?? statement);
    }
    const isType = ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement);
    if (isType && statement.name.text === name) return propertiesOf(statement);
  }
  throw new Error(`${file} has no type or function ${name}.`);
}

/**
 * @param {ts.FunctionDeclaration} declaration
 * @returns {Member[]}
 */
function parametersOf(declaration) {
  const type = declaration.parameters[0]?.type;
  /** @type {Set<string>} */
  const optional = new Set();
  if (type !== undefined && ts.isTypeLiteralNode(type)) {
    for (const member of type.members) if (member.questionToken) optional.add(member.name?.getText() ?? "");
  }
  /** @type {Member[]} */
  const members = [];
  for (const tag of ts.getJSDocTags(declaration)) {
    const text = oneLine(ts.getTextOfJSDocComment(tag.comment));
    const last = members.at(-1);
    if (ts.isJSDocParameterTag(tag) && tag.name.getText().startsWith("options.")) {
      const name = tag.name.getText().replace("options.", "");
      members.push({ name, required: !optional.has(name), text, standard: "" });
    } else if (tag.tagName.text === "default" && last !== undefined) {
      last.standard = text;
    }
  }
  return members;
}

/**
 * @param {ts.Node} node
 * @returns {Member[]}
 */
function propertiesOf(node) {
  /** @type {Member[]} */
  const members = [];
  /** @param {ts.Node} child */
  const visit = (child) => {
    if (ts.isPropertySignature(child)) {
      const [comment] = /** @type {ts.JSDoc[]} */ (ts.getJSDocCommentsAndTags(child).filter(ts.isJSDoc));
      const tag = comment?.tags?.find(({ tagName }) => tagName.text === "default");
      const member = {
        name: child.name.getText(),
        required: child.questionToken === undefined,
        text: oneLine(ts.getTextOfJSDocComment(comment?.comment)),
        standard: oneLine(ts.getTextOfJSDocComment(tag?.comment)),
      };
      const alternative = alternativeOf(child);
      if (member.required && alternative !== "") Object.assign(member, { required: false, standard: alternative });
      // Alternatives of a union can have the same member. The one with a default has the whole comment.
      const known = members.findIndex(({ name }) => name === member.name);
      if (known === -1) members.push(member);
      else if (member.standard !== "" && members[known]?.standard === "") members[known] = member;
    } else {
      ts.forEachChild(child, visit);
    }
  };
  ts.forEachChild(node, visit);
  return members;
}

/** Returns when a member of one of several alternative types is required; "": it is in no alternative. @param {ts.PropertySignature} member */
function alternativeOf({ parent, name }) {
  const union = parent.parent;
  if (!(ts.isUnionTypeNode(union) && union.types.every(ts.isTypeLiteralNode))) return "";
  const first = (/** @type {ts.Node} */ type) =>
    `\`${ts.isTypeLiteralNode(type) ? type.members[0]?.name?.getText() : ""}\``;
  const own = first(parent);
  return own === `\`${name.getText()}\`` ? `one of ${union.types.map(first).join(", ")}` : `required with ${own}`;
}

/** @param {readonly Member[]} members */
function optionsTable(members) {
  const rows = members.map(({ name, required, text, standard }) => [
    `\`${name}\``,
    // "10_000" is the notation of code.
    standard !== "" ? standard.replaceAll(/(?<=\d)_(?=\d)/g, ",") : required ? "required" : "",
    text,
  ]);
  return table(["Option", "Default", "Meaning"], rows);
}

/** @param {readonly Member[]} members */
function eventsTable(members) {
  return table(
    ["Property", "Meaning"],
    members.map(({ name, text }) => [`\`${name}\``, text]),
  );
}

/** Returns the metrics that a file creates: calls whose first argument is a name, followed by a description. @param {string} file */
async function metricsOf(file) {
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
      if (description !== undefined) rows.push([`\`${name.text}\``, description]);
    }
    ts.forEachChild(node, visit);
  };
  visit(await parse(file));
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
