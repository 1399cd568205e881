import { canonicalTag } from "@showcase/contracts/language";
import { DOMParser, type Element, type Node, ParseError } from "@xmldom/xmldom";

/** One translation unit: the same text in several languages. */
export interface TmxUnit {
  readonly variants: readonly { readonly language: string; readonly text: string }[];
}

/** The source is not TMX. The message says where and what is wrong. */
export class TmxSyntaxError extends Error {
  override readonly name = "TmxSyntaxError";
}

// What these hold is the formatting code of some other format, not text. <hi> holds text.
const CODE_ELEMENTS = new Set(["bpt", "ept", "it", "ph", "ut"]);

/**
 * Reads the translation units of a TMX 1.4 document. Entities other than XML's five and numeric ones are refused, so
 * nothing expands and no other file is read.
 *
 * @throws TmxSyntaxError
 */
export function parseTmx(source: string): readonly TmxUnit[] {
  const root = parseXml(source);
  if (root.tagName !== "tmx") throw new TmxSyntaxError(`the root element is <${root.tagName}>, not <tmx>`);
  const body = childElements(root, "body")[0];
  if (body === undefined) throw new TmxSyntaxError("<tmx> has no <body>");

  const units = childElements(body, "tu").map(readUnit);
  if (units.length === 0) throw new TmxSyntaxError("<body> has no translation unit");
  return units;
}

function parseXml(source: string): Element {
  try {
    const onError = (level: "warning" | "error" | "fatalError", message: string) => {
      if (level !== "warning") throw new TmxSyntaxError(message);
    };
    const root = new DOMParser({ onError }).parseFromString(source, "text/xml").documentElement;
    if (root === null) throw new TmxSyntaxError("it is empty");
    return root;
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    const line: unknown = error.locator?.lineNumber;
    const place = typeof line === "number" && line > 0 ? `line ${line}: ` : "";
    throw new TmxSyntaxError(`${place}not well-formed XML: ${error.message}`);
  }
}

function readUnit(unit: Element): TmxUnit {
  const variants = childElements(unit, "tuv").map((variant) => {
    // Before TMX 1.4 the attribute was plain "lang".
    const tag = variant.getAttribute("xml:lang") ?? variant.getAttribute("lang");
    if (tag === null) throw new TmxSyntaxError(`${placeOf(variant)}<tuv> has no xml:lang`);
    const language = canonicalTag(tag);
    if (language === null) throw new TmxSyntaxError(`${placeOf(variant)}xml:lang "${tag}" is no language tag`);
    const segment = childElements(variant, "seg")[0];
    if (segment === undefined) throw new TmxSyntaxError(`${placeOf(variant)}<tuv> has no <seg>`);
    return { language, text: textOf(segment).replaceAll(/\s+/g, " ").trim() };
  });
  return { variants: variants.filter(({ text }) => text !== "") };
}

function textOf(element: Element): string {
  let text = "";
  for (const child of childNodes(element)) {
    if (isElement(child)) text += CODE_ELEMENTS.has(child.tagName) ? "" : textOf(child);
    else if (child.nodeType === child.TEXT_NODE || child.nodeType === child.CDATA_SECTION_NODE) text += child.nodeValue;
  }
  return text;
}

function childElements(parent: Element, name: string): Element[] {
  return [...childNodes(parent)].filter(isElement).filter(({ tagName }) => tagName === name);
}

function* childNodes(parent: Node): Generator<Node> {
  for (let child = parent.firstChild; child !== null; child = child.nextSibling) yield child;
}

function isElement(node: Node): node is Element {
  return node.nodeType === node.ELEMENT_NODE;
}

function placeOf(element: Element): string {
  return element.lineNumber === undefined ? "" : `line ${element.lineNumber}: `;
}
