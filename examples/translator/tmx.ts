import { DOMParser, type Element, ParseError } from "@xmldom/xmldom";

/** Texts of a unit by their language tag. */
export type TranslationUnit = ReadonlyMap<string, string>;

/** A file is not TMX, or is damaged. */
export class TmxError extends Error {
  override readonly name = "TmxError";
}

/**
 * Reads the translation units of a TMX file (Translation Memory eXchange 1.4).
 * @throws TmxError
 */
export function parseTmx(xml: string): readonly TranslationUnit[] {
  const root = parseXml(xml);
  if (root.tagName !== "tmx") throw new TmxError(`the root element is <${root.tagName}>, not <tmx>`);
  const units = [...root.getElementsByTagName("tu")].map(readUnit);
  if (units.length === 0) throw new TmxError("it has no translation unit");
  return units;
}

/** Reads XML, and returns its root element. @throws TmxError, with the line if it is known, if the XML is not well-formed */
export function parseXml(xml: string): Element {
  // By default, the parser repairs damaged XML, and a text could get the translation of another text.
  let fault: string | null = null;
  const onError = (level: string, message: string) => {
    if (level !== "warning") fault ??= message;
  };
  try {
    const root = new DOMParser({ onError }).parseFromString(xml, "text/xml").documentElement;
    if (root !== null && fault === null) return root;
    throw new TmxError(`it is not well-formed XML: ${fault}`);
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    const line: unknown = error.locator?.lineNumber;
    const place = typeof line === "number" && line > 0 ? `line ${line}: ` : "";
    throw new TmxError(`${place}it is not well-formed XML: ${error.message}`);
  }
}

function readUnit(unit: Element): TranslationUnit {
  const variants = [...unit.getElementsByTagName("tuv")].map((variant) => {
    const language = variant.getAttribute("xml:lang");
    const [segment] = variant.getElementsByTagName("seg");
    if (language === null || segment === undefined) throw new TmxError("a <tuv> has no xml:lang or no <seg>");
    return { language, segment };
  });
  return new Map(
    variants
      .filter(({ segment }) => isPlain(segment))
      .map(({ language, segment }) => [language, segment.textContent ?? ""]),
  );
}

/** Returns false if the segment has formatting codes (`<ph>`, `<bpt>`, …). They are not text to show. */
function isPlain(segment: Element): boolean {
  return [...segment.getElementsByTagName("*")].every(({ tagName }) => tagName === "hi");
}
