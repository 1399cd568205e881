import { describe, expect, test } from "vitest";
import { apertiumProvider, installedModes } from "../../src/providers/apertium.js";
import { cuesOf, PAIR, signal } from "./stub.js";

const modes = await installedModes(signal);
const isThere = modes.includes("eng-spa");
const why = isThere ? "" : " (skipped: Debian's apertium and apertium-eng-spa are not installed)";

describe.skipIf(!isThere)(`Apertium itself${why}`, { timeout: 180_000 }, () => {
  const translate = async (...texts: readonly string[]) => {
    const replies = await apertiumProvider().translate(cuesOf(...texts), PAIR, signal);
    return replies.map(({ translation }) => translation?.text ?? null);
  };

  test("translates, and returns an answer for every cue", async () => {
    const texts = Array.from({ length: 120 }, (_, at) => `The house number ${at} is big.`);
    const answers = await translate(...texts);
    expect(answers).toHaveLength(120);
    for (const [at, answer] of answers.entries()) expect(answer).toMatch(new RegExp(`casa.* ${at} es grande`));
  });

  test("keeps tags, dashes and odd characters", async () => {
    const [answer] = await translate("- The <i>house</i> & 1 < 2\n- {\\an8}The water");
    expect(answer).toMatch(/^- .*<i>[^<]*casa[^<]*<\/i>.* & 1 < 2\n- \{\\an8\}.*[Aa]gua$/);
  });

  test("removes the marks of unknown words, and covers no cue with mostly unknown words", async () => {
    const [known, unknown] = await translate("The house of Zorblax is big.", "Zorblax fnord quux");
    expect(known).toContain("Zorblax");
    expect(known).not.toContain("*");
    expect(unknown).toBeNull();
  });

  test("does not change text to markup", async () => {
    const [answer, other] = await translate('</p><p id="1">house', "water");
    expect(answer).toMatch(/casa/i);
    expect(other).toContain("gua");
  });
});

test("a pair that is not installed is rejected", async () => {
  const failure = apertiumProvider().translate(cuesOf("Hello"), { source: "tlh", target: "es" }, signal);
  await expect(failure).rejects.toThrow(expect.objectContaining({ code: "LANGUAGE_PAIR" }));
});
