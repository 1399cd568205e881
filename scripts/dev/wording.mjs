import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { root, run } from "./run.mjs";

/** Folders whose comments and texts are checked. */
const FOLDERS = ["bench", "chaos", "packages", "scripts", "test"];

/** First words that hide the subject of a comment. */
const OPENINGS = /^(?:What|Whether|How|Where|Who|Whose|Of)\b/;

/** Path of the words that the project does not use, each with the term to use instead. */
const WORDS = join(root, "scripts", "dev", "words.json");

/** @typedef {{ line: number, text: string, kind: "comment" | "text" }} Passage */

/**
 * Finds comments that begin with a question word, and words of `words.json` in comments and in texts. A text is a string with a
 * space: an error, a test name, a log line.
 *
 * @returns {Promise<string[]>} one complaint for each place
 */
export async function findWording() {
  const { output } = await run("git", ["ls-files", ...FOLDERS], { show: "nothing" });
  const files = output.split("\n").filter((file) => /\.(ts|mjs|js|lua)$/.test(file));
  const words = await forbiddenWords();
  const found = await Promise.all(
    files.map(async (file) => {
      const passages = await passagesOf(file, await readFile(join(root, file), "utf8"));
      return passages.flatMap((passage) => complaintsAbout(file, passage, words));
    }),
  );
  return found.flat();
}

/** @returns {Promise<{ pattern: RegExp, instead: string }[]>} */
export async function forbiddenWords() {
  /** @type {{ words: string, instead: string }[]} */
  const list = JSON.parse(await readFile(WORDS, "utf8"));
  return list.map(({ words, instead }) => ({ pattern: new RegExp(`\\b(?:${words})\\b`, "i"), instead }));
}

/**
 * @param {string} file
 * @param {Passage} passage
 * @param {{ pattern: RegExp, instead: string }[]} words
 * @returns {string[]}
 */
export function complaintsAbout(file, { line, text, kind }, words) {
  const place = `${file}:${line}`;
  const complaints = words.flatMap(({ pattern, instead }) => {
    const found = pattern.exec(text)?.[0];
    return found === undefined ? [] : [`${place}: "${found}": use ${instead}.`];
  });
  const opening = kind === "comment" ? OPENINGS.exec(text)?.[0] : undefined;
  if (opening !== undefined)
    complaints.push(`${place}: a comment begins with a noun or a verb, not with "${opening}".`);
  return complaints;
}

/**
 * @param {string} file
 * @param {string} source
 * @returns {Promise<Passage[]>} the comments and texts of a source file
 */
export async function passagesOf(file, source) {
  return file.endsWith(".lua") ? luaComments(source) : await scriptPassages(file, source);
}

/**
 * @param {string} source
 * @returns {Passage[]} comments, the lines of one comment joined
 */
function luaComments(source) {
  /** @type {Passage[]} */
  const passages = [];
  let inComment = false;
  for (const [n, line] of source.split("\n").entries()) {
    const text = /^\s*--+\s?(.*)$/.exec(line)?.[1];
    const last = passages.at(-1);
    if (text !== undefined && inComment && last !== undefined) last.text += ` ${text}`;
    else if (text !== undefined) passages.push({ line: n + 1, text, kind: "comment" });
    inComment = text !== undefined;
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
  /** @type {Map<number, Passage>} */
  const passages = new Map();

  /** @param {number} start @param {string} text @param {Passage["kind"]} kind */
  function add(start, text, kind) {
    passages.set(start, { line: tree.getLineAndCharacterOfPosition(start).line + 1, text, kind });
  }

  /** @param {import("typescript").Node} node */
  function visit(node) {
    const comments = [
      ...(ts.getLeadingCommentRanges(source, node.getFullStart()) ?? []),
      ...(ts.getTrailingCommentRanges(source, node.getEnd()) ?? []),
    ];
    for (const { pos, end } of comments) add(pos, commentText(source.slice(pos, end)), "comment");
    const isText = ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node);
    if (isText && node.text.includes(" ")) add(node.getStart(), node.text, "text");
    for (const child of node.getChildren(tree)) visit(child);
  }

  visit(tree);
  return joinLineComments([...passages.values()].sort((a, b) => a.line - b.line));
}

/** @param {string} comment @returns {string} its text on one line, without the marks around it */
function commentText(comment) {
  const lines = comment.replace(/^\/\*+|\*+\/$/g, "").split("\n");
  return lines
    .map((line) => line.replace(/^\s*(?:\/\/+|\*)\s?/, "").trim())
    .join(" ")
    .trim();
}

/** @param {Passage[]} passages @returns {Passage[]} the same, with comments of consecutive lines as one */
function joinLineComments(passages) {
  /** @type {Passage[]} */
  const joined = [];
  let lastLine = -1;
  for (const passage of passages) {
    const before = joined.at(-1);
    if (before?.kind === "comment" && passage.kind === "comment" && passage.line === lastLine + 1)
      before.text += ` ${passage.text}`;
    else joined.push({ ...passage });
    lastLine = passage.line;
  }
  return joined;
}
