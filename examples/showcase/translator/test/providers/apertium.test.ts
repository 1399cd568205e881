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

  test("translates, and answers every cue in its place", async () => {
    const texts = Array.from({ length: 120 }, (_, at) => `The house number ${at} is big.`);
    const answers = await translate(...texts);
    expect(answers).toHaveLength(120);
    for (const [at, answer] of answers.entries()) expect(answer).toMatch(new RegExp(`casa.* ${at} es grande`));
  });

  test("keeps tags, dashes and odd characters", async () => {
    const [answer] = await translate("- The <i>house</i> & 1 < 2\n- {\\an8}The water");
    expect(answer).toMatch(/^- .*<i>[^<]*casa[^<]*<\/i>.* & 1 < 2\n- \{\\an8\}.*[Aa]gua$/);
  });

  test("strips its marks for unknown words, and covers no cue that is mostly those", async () => {
    const [known, unknown] = await translate("The house of Zorblax is big.", "Zorblax fnord quux");
    expect(known).toContain("Zorblax");
    expect(known).not.toContain("*");
    expect(unknown).toBeNull();
  });

  test("makes no markup of a text", async () => {
    const [answer, other] = await translate('</p><p id="1">house', "water");
    expect(answer).toMatch(/casa/i);
    expect(other).toContain("gua");
  });
});

test("a pair that is not installed is no pair", async () => {
  const failure = apertiumProvider().translate(cuesOf("Hello"), { source: "tlh", target: "es" }, signal);
  await expect(failure).rejects.toThrow(expect.objectContaining({ code: "LANGUAGE_PAIR" }));
});
