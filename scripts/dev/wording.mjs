import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { documents } from "./documents.mjs";
import { root, run } from "./run.mjs";

/** Folders whose comments and texts are checked, as arguments of `git ls-files`. The left out file has lists of English words. */
const FOLDERS = [
  "bench",
  "chaos",
  "examples",
  ":!examples/showcase/translator/src/text/fidelity.ts",
  "packages",
  "scripts",
  "test",
];

/** First words that hide the subject of a comment. */
const COMMENT_OPENINGS = /(?<=^\s*)(?:What|Whether|How|Where|Who|Whose|Whoever|Of)\b/g;

/** First words that hide the subject of a later sentence. "Whether" and "Of" are left out: they also begin good sentences. */
const SENTENCE_OPENINGS = /(?<=[.!?]\s+)(?:What|How|Where|Who|Whose|Whoever)\b/g;

/** First words that hide the subject of a test. */
const TITLE_OPENINGS = /^(?:what|how|where|who|whose|whoever)\b/gi;

/** Code in a comment or a document, between backticks, and the target of a link. */
const CODE = /^```.*?^```$|(`+)(?!`).+?(?<!`)\1(?!`)|\]\([^)\s]+\)/gms;

/** Path of the words that the project does not use, each with the term to use instead. */
const WORDS = join(root, "scripts", "dev", "words.json");

/**
 * Comment, text or test title of a source file, or a whole document. A text is a string with a space, for example an error or a log line.
 *
 * @typedef {object} Passage
 * @property {number} line line number of the first line
 * @property {string} text lines of the passage, without comment marks
 * @property {"comment" | "text" | "title" | "document"} kind
 */

/** @typedef {{ pattern: RegExp, instead: string }} ForbiddenWord */

/**
 * Finds forbidden words in sources and documents, and comments, sentences and test names that begin with a question word.
 *
 * @returns {Promise<string[]>} one complaint for each finding
 */
export async function findWording() {
  const { output } = await run("git", ["ls-files", ...FOLDERS], { show: "nothing" });
  const sources = output.split("\n").filter((file) => /\.(tsx?|mjs|js|lua)$/.test(file));
  const words = await forbiddenWords();
  const found = await Promise.all(
    [...sources, ...documents()].map(async (file) => {
      const passages = await passagesOf(file, await readFile(join(root, file), "utf8"));
      return passages.flatMap((passage) => complaintsAbout(file, passage, words));
    }),
  );
  return found.flat();
}

/** @returns {Promise<ForbiddenWord[]>} */
export async function forbiddenWords() {
  /** @type {{ words: string, instead: string }[]} */
  const list = JSON.parse(await readFile(WORDS, "utf8"));
  return list.map(({ words, instead }) => {
    // A phrase can continue on the next line.
    const pattern = new RegExp(`\\b(?:${words.replaceAll(" ", "\\s+")})\\b`, "gi");
    return { pattern, instead };
  });
}

/**
 * @param {string} file
 * @param {Passage} passage
 * @param {ForbiddenWord[]} words
 * @returns {string[]} complaints in the order of their lines
 */
export function complaintsAbout(file, { line, text, kind }, words) {
  const hasCode = kind === "comment" || kind === "document";
  const prose = hasCode ? text.replaceAll(CODE, (code) => code.replaceAll(/[^\n]/g, "_")) : text;
  /** @type {{ line: number, problem: string }[]} */
  const complaints = [];
  /** @param {RegExp} pattern global @param {(found: string) => string} describe */
  const search = (pattern, describe) => {
    for (const { 0: found, index } of prose.matchAll(pattern)) {
      const before = prose.slice(0, index).split("\n").length - 1;
      complaints.push({ line: line + before, problem: describe(found.replaceAll(/\s+/g, " ")) });
    }
  };
  for (const { pattern, instead } of words) search(pattern, (found) => `"${found}": use ${instead}.`);
  if (kind === "comment") {
    search(COMMENT_OPENINGS, (found) => `a comment begins with a noun or a verb, not with "${found}".`);
    search(SENTENCE_OPENINGS, (found) => `a sentence begins with its subject, not with "${found}".`);
  }
  if (kind === "title") {
    search(TITLE_OPENINGS, (found) => `a test name begins with its subject, not with "${found}".`);
  }
  return complaints.sort((a, b) => a.line - b.line).map((found) => `${file}:${found.line}: ${found.problem}`);
}

/**
 * @param {string} file
 * @param {string} source
 * @returns {Promise<Passage[]>} passages of a source file, in their order, or the document
 */
export async function passagesOf(file, source) {
  if (file.endsWith(".md")) return [{ line: 1, text: source, kind: "document" }];
  return file.endsWith(".lua") ? luaComments(source) : await scriptPassages(file, source);
}

/**
 * @param {string} source
 * @returns {Passage[]} comments of a Lua script. Lines that follow each other are one comment, except that each part of a header
 * (`-- KEYS: …`) is one of its own.
 */
function luaComments(source) {
  /** @type {Passage[]} */
  const passages = [];
  let continues = false;
  for (const [n, line] of source.split("\n").entries()) {
    const [, code = "", text] = /^((?:[^'"-]|-(?!-)|'[^']*'|"[^"]*")*)--+\s?(.*)$/.exec(line) ?? [];
    const ownLine = code.trim() === "";
    const last = passages.at(-1);
    if (text === undefined) continues = false;
    else if (continues && ownLine && last !== undefined && !/^[A-Z]+: /.test(text)) last.text += `\n${text}`;
    else passages.push({ line: n + 1, text: text.replace(/^[A-Z]+: /, ""), kind: "comment" });
    if (text !== undefined) continues = ownLine;
  }
  return passages;
}

/**
 * @param {string} file
 * @param {string} source
 * @returns {Promise<Passage[]>}
 */
async function scriptPassages(file, source) {
  // Imported here, because the other commands run before the dependencies are installed.
  const { default: ts } = await import("typescript");
  const tree = ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true);
  /** @type {Map<number, Passage & { ownLine: boolean }>} */
  const passages = new Map();

  /** @param {number} start @param {string} text @param {Passage["kind"]} kind */
  function add(start, text, kind) {
    const { line, character } = tree.getLineAndCharacterOfPosition(start);
    const ownLine = source.slice(start - character, start).trim() === "";
    passages.set(start, { line: line + 1, text, kind, ownLine });
  }

  /** @param {import("typescript").Node} node */
  function visit(node) {
    const comments = [
      ...(ts.getLeadingCommentRanges(source, node.getFullStart()) ?? []),
      ...(ts.getTrailingCommentRanges(source, node.getEnd()) ?? []),
    ];
    for (const { pos, end } of comments) add(pos, commentText(source.slice(pos, end)), "comment");
    const isText = ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node);
    if (isText && node.text.includes(" ")) add(node.getStart(), node.text, isTitle(node) ? "title" : "text");
    for (const child of node.getChildren(tree)) visit(child);
  }

  /** @param {import("typescript").Node} node */
  function isTitle({ parent }) {
    return ts.isCallExpression(parent) && /^(?:test|describe)\b|\.title$/.test(parent.expression.getText(tree));
  }

  visit(tree);
  const inOrder = [...passages].sort(([a], [b]) => a - b).map(([, passage]) => passage);
  return joinLineComments(inOrder);
}

/** @param {string} comment @returns {string} its lines, without the marks around them */
function commentText(comment) {
  const lines = comment.replace(/\*+\/$/, "").split("\n");
  return lines.map((line) => line.replace(/^\s*(?:\/\/+|\/?\*+)\s?/, "").trimEnd()).join("\n");
}

/**
 * @param {(Passage & { ownLine: boolean })[]} passages in their order
 * @returns {Passage[]} the same, with comments on consecutive lines as one. A comment behind code stays separate.
 */
function joinLineComments(passages) {
  /** @type {Passage[]} */
  const joined = [];
  let nextLine = -1;
  for (const { ownLine, ...passage } of passages) {
    const isLine = passage.kind === "comment" && ownLine && !passage.text.includes("\n");
    const before = joined.at(-1);
    if (isLine && before !== undefined && passage.line === nextLine) before.text += `\n${passage.text}`;
    else joined.push(passage);
    nextLine = isLine ? passage.line + 1 : -1;
  }
  return joined;
}
