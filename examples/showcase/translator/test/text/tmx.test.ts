import { describe, expect, test } from "vitest";
import { TmxError } from "../../../../translator/tmx.js";
import { parseTmx } from "../../src/text/tmx.js";

const document = (body: string) => `<?xml version="1.0"?><tmx version="1.4"><header/><body>${body}</body></tmx>`;
const unit = (...variants: readonly [language: string, segment: string][]) =>
  `<tu>${variants.map(([tag, seg]) => `<tuv xml:lang="${tag}"><seg>${seg}</seg></tuv>`).join("")}</tu>`;

describe("parseTmx", () => {
  test("reads units of several languages", () => {
    expect(parseTmx(document(unit(["en", "Yes."], ["es-ES", "Sí."], ["fr", "Oui."])))).toEqual([
      {
        variants: [
          { language: "en", text: "Yes." },
          { language: "es-ES", text: "Sí." },
          { language: "fr", text: "Oui." },
        ],
      },
    ]);
  });

  test.each([
    ["EN_us", "en-US"],
    ["spa", "es"],
    ["ES-ES", "es-ES"],
  ])("reads the language %s as %s", (tag, language) => {
    expect(parseTmx(document(unit([tag, "x"])))[0]?.variants[0]?.language).toBe(language);
  });

  test("reads the language attribute of older versions", () => {
    const [first] = parseTmx(document('<tu><tuv lang="en"><seg>x</seg></tuv></tu>'));
    expect(first?.variants).toEqual([{ language: "en", text: "x" }]);
  });

  test("keeps the text of inline elements and leaves out formatting codes", () => {
    const seg = 'Press <bpt i="1">&lt;b&gt;</bpt><hi>any</hi><ept i="1">&lt;/b&gt;</ept> key <ph x="1">%s</ph>now';
    expect(parseTmx(document(unit(["en", seg])))[0]?.variants[0]?.text).toBe("Press any key now");
  });

  test("reads CDATA and the entities of XML, and joins lines", () => {
    const seg = "A &amp; B &#243;\n      <![CDATA[<C>]]>";
    expect(parseTmx(document(unit(["en", seg])))[0]?.variants[0]?.text).toBe("A & B ó <C>");
  });

  test("ignores empty segments", () => {
    expect(parseTmx(document(unit(["en", "x"], ["es", " "])))[0]?.variants).toHaveLength(1);
  });

  test.each([
    ["nothing", "", /not well-formed/],
    ["plain text", "hello", /not well-formed/],
    ["a file that was cut off", document(unit(["en", "x"])).slice(0, 90), /not well-formed/],
    ["another format", "<xliff/>", /<xliff>, not <tmx>/],
    ["no body", "<tmx/>", /no <body>/],
    ["no unit", document(""), /no translation unit/],
    ["no language", document("\n<tu><tuv><seg>x</seg></tuv></tu>"), /line 2: <tuv> has no xml:lang/],
    ["a bad language", document(unit(["???", "x"])), /line 1: xml:lang "\?\?\?" is not a language tag/],
    ["no segment", document('<tu><tuv xml:lang="en"/></tu>'), /line 1: <tuv> has no <seg>/],
  ])("rejects %s", (_name, source, message) => {
    expect(() => parseTmx(source)).toThrow(TmxError);
    expect(() => parseTmx(source)).toThrow(message);
  });

  test.each([
    ["internal", '<!DOCTYPE tmx [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'],
    ["external", '<!DOCTYPE tmx [<!ENTITY b SYSTEM "file:///etc/hostname">]>'],
  ])("rejects %s entities", (_name, doctype) => {
    const source = document(unit(["en", "&b;"])).replace("<tmx", `${doctype}<tmx`);
    expect(() => parseTmx(source)).toThrow(/entity not found/);
  });
});
