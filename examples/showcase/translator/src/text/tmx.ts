import { canonicalTag } from "@showcase/contracts/language";
import type { Element, Node } from "@xmldom/xmldom";
import { parseXml, TmxError } from "../../../../translator/tmx.js";

// Replaces `parseTmx` of the templates. It also reads older versions of TMX, language tags in other forms, and segments with
// formatting codes, and its errors name the line.

/** Translation unit: the same text in several languages. */
export interface TmxUnit {
  readonly variants: readonly { readonly language: string; readonly text: string }[];
}

/** Elements that contain formatting codes and not text. */
const CODE_ELEMENTS = new Set(["bpt", "ept", "it", "ph", "ut"]);

/**
 * Reads the translation units of a TMX 1.4 document. It rejects all entities except XML's five and numeric ones. So no text is
 * expanded, and no other file is read.
 *
 * @throws TmxError
 */
export function parseTmx(source: string): readonly TmxUnit[] {
  const root = parseXml(source);
  if (root.tagName !== "tmx") throw new TmxError(`the root element is <${root.tagName}>, not <tmx>`);
  const body = childElements(root, "body")[0];
  if (body === undefined) throw new TmxError("<tmx> has no <body>");

  const units = childElements(body, "tu").map(readUnit);
  if (units.length === 0) throw new TmxError("<body> has no translation unit");
  return units;
}

function readUnit(unit: Element): TmxUnit {
  const variants = childElements(unit, "tuv").map((variant) => {
    // Before TMX 1.4, the attribute was plain "lang".
    const tag = variant.getAttribute("xml:lang") ?? variant.getAttribute("lang");
    if (tag === null) throw new TmxError(`${placeOf(variant)}<tuv> has no xml:lang`);
    const language = canonicalTag(tag);
    if (language === null) throw new TmxError(`${placeOf(variant)}xml:lang "${tag}" is not a language tag`);
    const segment = childElements(variant, "seg")[0];
    if (segment === undefined) throw new TmxError(`${placeOf(variant)}<tuv> has no <seg>`);
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
