// Tables of the reference page: error codes, limits, and names on RabbitMQ.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { tsImport } from "tsx/esm/api";
import ts from "typescript";
import { root } from "./run.mjs";

const STORE = "packages/job-store/src/lib";
const QUEUE = "packages/queue/src/lib";

/** Constants that limit values, by file. Options have their ranges in their own tables. */
const LIMITS = {
  "Job store": [
    [`${STORE}/arguments.ts`, "ID", "MAX_KEY_LENGTH", "MAX_NAME_LENGTH", "MAX_REASON_LENGTH", "MAX_TIME"],
    [`${STORE}/definition.ts`, "FIELD", "MAX_FIELDS", "MAX_TTL_SECONDS"],
    [`${STORE}/store/index-values.ts`, "MAX_VALUE_LENGTH"],
    [`${STORE}/json.ts`, "MAX_DEPTH"],
    [`${STORE}/redis/index-metadata.ts`, "MAX_CODES"],
    [`${STORE}/redis/lua/write/claim.lua`, "MAX_WORK_BYTES"],
    [`${STORE}/redis/call-queue.ts`, "MAX_WAITING"],
    [`${STORE}/watch/shared-log-reader.ts`, "MAX_QUEUED"],
  ],
  Queue: [
    [`${QUEUE}/definition.ts`, "NAME", "MAX_RETRIES", "MAX_VERSION", "MAX_DELIVERY_LIMIT"],
    [`${QUEUE}/payload.ts`, "MAX_BODY_BYTES", "MAX_DEPTH"],
    [
      `${QUEUE}/arguments.ts`,
      "MAX_ID_BYTES",
      "MAX_HEADER_NAME_BYTES",
      "MAX_HEADER_BYTES",
      "MAX_ORIGIN_BYTES",
      "MAX_DELAY_MS",
    ],
    [`${QUEUE}/settlement.ts`, "MAX_ERRORS"],
    [`${QUEUE}/text.ts`, "MAX_REASON_LENGTH"],
  ],
};

/** Files with constants that are names of headers. */
const HEADERS = [`${QUEUE}/definition.ts`, `${QUEUE}/rabbitmq/amqp-message.ts`];

/** Beginning of an item of a list of types in a comment. */
const LIST_ITEM = / - (?=[\w, ]+: )/;

/** Units by the end of a constant's name. */
const UNITS = { _BYTES: "bytes", _MS: "ms", _SECONDS: "seconds" };

/** @param {string} file @returns {Promise<ts.SourceFile>} */
export async function parse(file) {
  return parseText(file, await readFile(join(root, file), "utf8"));
}

/** @param {string} file @param {string} text */
function parseText(file, text) {
  return ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
}

/**
 * Returns the codes of a type with their meaning and action, from the list in its doc comment: "- `CODE`: meaning Action: action".
 *
 * @param {string} text of a source file
 * @param {string} name of the type, a union of strings
 * @returns {string[][]} rows: code, meaning, action
 * @throws Error if the list and the type differ, or if an action is missing
 */
export function codesIn(text, name) {
  const type = parseText("codes.ts", text).statements.find(
    (statement) => ts.isTypeAliasDeclaration(statement) && statement.name.text === name,
  );
  if (type === undefined) throw new Error(`There is no type ${name}.`);
  const comment = commentOf(type)
    .split(/ - (?=`[A-Z_]+`:)/)
    .slice(1);
  const rows = comment.map((item) => {
    const [, code = "", meaning = "", action = ""] = /^(`[A-Z_]+`): (.*?) Action: (.*)$/.exec(item) ?? [];
    if (code === "") throw new Error(`${name}: no code, meaning and action in "${item}".`);
    return [code, meaning, action];
  });
  const listed = rows.map(([code]) => code).sort();
  const members = stringsIn(type)
    .map((code) => `\`${code}\``)
    .sort();
  if (`${listed}` !== `${members}`) throw new Error(`The doc comment of ${name} lists ${listed}, not ${members}.`);
  return rows;
}

/**
 * Returns the types of an event with their meaning, from the list "- done, failed: meaning" in the doc comment of the event, or of its
 * property `type`.
 *
 * @param {string} text of a source file
 * @param {string} name of the event
 * @returns {{ intro: string, rows: string[][] }} `intro`: the comment of the event before its list. Rows: types, meaning. Both are empty
 *   if there is no list
 * @throws Error if the list and the type differ
 */
export function eventTypesIn(text, name) {
  const event = parseText("events.ts", text).statements.find(
    (statement) =>
      (ts.isTypeAliasDeclaration(statement) || ts.isInterfaceDeclaration(statement)) && statement.name.text === name,
  );
  if (event === undefined) throw new Error(`There is no type ${name}.`);
  /** @type {string[]} */
  const types = [];
  let commentOfType = "";
  /** @param {ts.Node} node */
  const visit = (node) => {
    if (!ts.isPropertySignature(node)) {
      ts.forEachChild(node, visit);
    } else if (node.name.getText() === "type") {
      types.push(...stringsIn(node));
      commentOfType = commentOf(node);
    }
  };
  visit(event);
  const [intro = "", ...own] = commentOf(event).split(LIST_ITEM);
  const items = own.length > 0 ? own : commentOfType.split(LIST_ITEM).slice(1);
  if (items.length === 0) return { intro: "", rows: [] };
  const pairs = items.map((item) => item.split(/: (.*)/));
  const listed = pairs.flatMap(([names = ""]) => names.split(", ")).sort();
  if (`${listed}` !== `${types.sort()}`) throw new Error(`The doc comment of ${name} lists ${listed}, not ${types}.`);
  const rows = pairs.map(([names = "", meaning = ""]) => [names.replaceAll(/\w+/g, "`$&`"), sentence(meaning)]);
  return { intro: own.length > 0 ? intro : "", rows };
}

/** Returns the types of an event with their meaning. @param {string} file @param {string} name */
export async function eventTypesOf(file, name) {
  return eventTypesIn(await readFile(join(root, file), "utf8"), name);
}

/** Returns a text with a capital letter and a period, as other cells have. @param {string} text */
export function sentence(text) {
  if (text === "") return text;
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${text.endsWith(".") ? "" : "."}`;
}

/** Returns the tables of error codes, by title. */
export async function errorCodes() {
  const codes = async (/** @type {string} */ file, /** @type {string} */ name) =>
    codesIn(await readFile(join(root, file), "utf8"), name);
  return {
    "`JobStoreError`": await codes(`${STORE}/errors.ts`, "JobStoreErrorCode"),
    "`QueueError`": await codes(`${QUEUE}/errors.ts`, "QueueErrorCode"),
    "Codes of failed jobs": await codes(`${QUEUE}/worker/outcomes.ts`, "FailureCode"),
  };
}

/** Returns the rows of the limits, by package. @returns {Promise<Record<string, string[][]>>} */
export async function limits() {
  /** @type {Record<string, string[][]>} */
  const tables = {};
  for (const [title, files] of Object.entries(LIMITS)) {
    tables[title] = [];
    for (const [file = "", ...names] of files) {
      tables[title].push(...limitsIn(await readFile(join(root, file), "utf8"), names));
    }
  }
  return tables;
}

/**
 * Returns the doc comment and the value of constants: numbers, and regular expressions of names.
 *
 * @param {string} text of a source file
 * @param {readonly string[]} names
 * @returns {string[][]}
 * @throws Error if a constant does not exist, or has no doc comment or another value
 */
export function limitsIn(text, names) {
  const constants = constantsIn(parseText("limits.ts", luaAsTypeScript(text)));
  return names.map((name) => {
    const { comment = "", value } = constants.get(name) ?? {};
    if (comment === "" || value === undefined) throw new Error(`${name} is no constant with a doc comment.`);
    if (ts.isRegularExpressionLiteral(value)) return [comment, `\`${value.text.replaceAll("|", "\\|")}\``];
    const unit = Object.entries(UNITS).find(([end]) => name.endsWith(end))?.[1];
    return [comment, [numberOf(value).toLocaleString("en"), unit].filter(Boolean).join(" ")];
  });
}

/** Returns the constants of a Lua source as TypeScript, and any other source unchanged. @param {string} text */
function luaAsTypeScript(text) {
  const constants = [...text.matchAll(/^-- (.*)\nlocal ([A-Z_]+) = (\d+)$/gm)];
  if (constants.length === 0) return text;
  return constants.map(([, comment, name, value]) => `/** ${comment} */\nconst ${name} = ${value};`).join("\n");
}

/** Returns the headers that the package adds to messages. */
export async function headers() {
  const constants = (await Promise.all(HEADERS.map(parse))).map(constantsIn);
  return constants.flatMap((all) =>
    [...all.values()].flatMap(({ comment, value }) => {
      const [, name] = /^`\$\{RESERVED_HEADER_PREFIX\}(.*)`$/.exec(value.getText()) ?? [];
      if (name === undefined) return [];
      return [[`\`x-subtitles-${name}${name.endsWith("-") ? "<name>" : ""}\``, comment]];
    }),
  );
}

/** Returns the queues on the broker for a queue `q` with one retry delay, from the code that declares them. */
export async function queues() {
  const { declarationsOf } = await tsImport("../../packages/queue/src/lib/rabbitmq/topology.ts", import.meta.url);
  const rows = new Map();
  for (const type of ["quorum", "classic"]) {
    for (const { name, options } of declarationsOf({ name: "q", type, retryDelaysMs: [1000] }, "<prefix>")) {
      const shown = Object.entries(options.arguments).map(([key, value]) => `\`${key}: ${JSON.stringify(value)}\``);
      rows.set(name, [...(rows.get(name) ?? [`\`${name}\``]), shown.join("<br>")]);
    }
  }
  return [...rows.values()];
}

/** Returns the constants of a file. @param {ts.SourceFile} source */
function constantsIn(source) {
  /** @type {Map<string, { comment: string, value: ts.Expression }>} */
  const constants = new Map();
  for (const statement of source.statements) {
    if (!ts.isVariableStatement(statement)) continue;
    for (const { name, initializer } of statement.declarationList.declarations) {
      if (initializer !== undefined)
        constants.set(name.getText(), { comment: commentOf(statement), value: initializer });
    }
  }
  return constants;
}

/** Returns the value of an expression of integers, with `*`, `**` and `-`. @param {ts.Expression} node @returns {number} */
function numberOf(node) {
  if (ts.isNumericLiteral(node)) return Number(node.text);
  if (ts.isBinaryExpression(node)) {
    const [left, right] = [numberOf(node.left), numberOf(node.right)];
    switch (node.operatorToken.kind) {
      case ts.SyntaxKind.AsteriskToken:
        return left * right;
      case ts.SyntaxKind.AsteriskAsteriskToken:
        return left ** right;
      case ts.SyntaxKind.MinusToken:
        return left - right;
    }
  }
  throw new Error(`${node.getText()} is not a number.`);
}

/** Returns the doc comment of a statement on one line, without its tags. @param {ts.Node} node */
function commentOf(node) {
  const comment = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc).at(-1);
  return oneLine(ts.getTextOfJSDocComment(comment?.comment));
}

/** Returns the string literals in a node. @param {ts.Node} node @returns {string[]} */
export function stringsIn(node) {
  if (ts.isStringLiteral(node)) return [node.text];
  /** @type {string[]} */
  const found = [];
  ts.forEachChild(node, (child) => void found.push(...stringsIn(child)));
  return found;
}

/** Returns a text of a comment as the content of a cell. @param {string | undefined} text */
export function oneLine(text = "") {
  const cell = text.trim().replaceAll(/\s+/g, " ").replaceAll("|", "\\|");
  // Outside of code, `<id>` would be HTML.
  return cell.replaceAll(/`[^`]*`|<(?=\w)/g, (part) => (part === "<" ? "\\<" : part));
}
