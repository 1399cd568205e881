import type { Cue } from "@showcase/contracts/subtitle";
import { describe, expect, test, vi } from "vitest";
import { InsufficientCoverageError, ProviderReplyError } from "../../src/text/errors.js";
import type { TranslatedCue, Translation, TranslationProvider } from "../../src/text/provider.js";
import { type TranslateOptions, translateCues } from "../../src/text/translate.js";

const PAIR = { source: "en", target: "es" };

const cuesOf = (...texts: readonly string[]): readonly Cue[] =>
  texts.map((text, at) => ({ index: at + 1, startMs: at * 1000, endMs: at * 1000 + 900, settings: "", text }));

const exact = (text: string): Translation => ({ text, match: "exact", score: 1 });
const fuzzy = (text: string): Translation => ({ text, match: "fuzzy", score: 0.8 });

/** Provider that knows these texts. */
const knowing = (known: Readonly<Record<string, Translation>>): TranslationProvider => ({
  name: "The provider",
  translate: async (cues) => cues.map(({ index, text }) => ({ index, translation: known[text] ?? null })),
});

const translate = (cues: readonly Cue[], provider: TranslationProvider, options: Partial<TranslateOptions> = {}) =>
  translateCues(cues, PAIR, { provider, minCoverage: 0, ...options });

describe("translateCues", () => {
  test("returns the covered cues with their indexes and times, and lists the others", async () => {
    const provider = knowing({ Yes: exact("Sí"), "Come in": fuzzy("Pase") });
    const cues = cuesOf("Yes", "It is not known", "Come in");
    expect(await translate(cues, provider)).toEqual({
      cues: [
        { index: 1, startMs: 0, endMs: 900, settings: "", text: "Sí" },
        { index: 3, startMs: 2000, endMs: 2900, settings: "", text: "Pase" },
      ],
      covered: 2,
      total: 3,
      coverage: 2 / 3,
      exact: 1,
      fuzzy: 1,
      machine: 0,
      fuzzyCues: [3],
      uncovered: [{ index: 2, text: "It is not known" }],
    });
  });

  test("keeps blank cues, and neither sends nor counts them", async () => {
    const provider = knowing({ Yes: exact("Sí") });
    const asked = vi.spyOn(provider, "translate");
    const result = await translate(cuesOf("", "Yes", "<i>♪</i>"), provider);
    expect(result).toMatchObject({ covered: 1, total: 1, coverage: 1 });
    expect(result.cues.map(({ text }) => text)).toEqual(["", "Sí", "<i>♪</i>"]);
    expect(asked.mock.calls.flatMap(([cues]) => cues)).toHaveLength(1);
  });

  test("has full coverage if there is nothing to translate", async () => {
    expect(await translate(cuesOf("♪"), knowing({}), { minCoverage: 1 })).toMatchObject({ coverage: 1, total: 0 });
  });

  test("fails below the minimum coverage, and not at the minimum", async () => {
    const cues = cuesOf("Yes", "Yes", "Yes", "Yes", "It is not known");
    const provider = knowing({ Yes: exact("Sí") });
    expect(await translate(cues, provider, { minCoverage: 0.8 })).toMatchObject({ coverage: 0.8 });
    await expect(translate(cues, provider, { minCoverage: 0.81 })).rejects.toThrow(InsufficientCoverageError);
  });

  test("gives each batch the six lines before it, with their translations", async () => {
    const cues = cuesOf("Yes", "", "<i>Yes</i>", "What", "Yes", "Yes", "Yes", "Yes", "Yes");
    const provider = knowing({ Yes: exact("Sí") });
    const asked = vi.spyOn(provider, "translate");
    await translate(cues, provider, { batchSize: 7 });
    const yes = { source: "Yes", target: "Sí" };
    expect(asked.mock.calls.map(([, , , before]) => before)).toEqual([
      [],
      [yes, { source: "What", target: null }, yes, yes, yes, yes],
    ]);
  });

  test("puts the tags around a cue back around its translation", async () => {
    const result = await translate(cuesOf("{\\an8}<i>Yes</i>"), knowing({ Yes: exact("Sí") }));
    expect(result.cues[0]?.text).toBe("{\\an8}<i>Sí</i>");
  });

  test("breaks long lines and removes blank ones", async () => {
    const long = "Debería habérmelo dicho todo hace ya mucho tiempo.";
    const provider = knowing({ One: exact(long), Two: exact("uno\r\n\r\ndos") });
    const result = await translate(cuesOf("One", "Two"), provider);
    expect(result.cues.map(({ text }) => text)).toEqual([
      "Debería habérmelo dicho\ntodo hace ya mucho tiempo.",
      "uno\ndos",
    ]);
  });

  test.each([
    ["blank", exact("  ")],
    ["the source text, and not exact", fuzzy("Where?")],
    ["a line that would begin another cue", exact("¿Dónde?\r00:00:01,000 --> 00:00:02,000")],
  ])("does not count a translation that is %s", async (_name, translation) => {
    const result = await translate(cuesOf("Yes", "Where?"), knowing({ Yes: exact("Sí"), "Where?": translation }));
    expect(result).toMatchObject({ covered: 1, uncovered: [{ index: 2, text: "Where?" }] });
    expect(result.cues).toHaveLength(1);
  });

  test("keeps an exact translation that is the same as the source", async () => {
    expect(await translate(cuesOf("OK"), knowing({ OK: exact("OK") }))).toMatchObject({ covered: 1, exact: 1 });
  });

  describe("below the minimum coverage", () => {
    test("fails with the counts and without the text", async () => {
      const failure = translate(cuesOf("Yes", "Secret", "Secret too"), knowing({ Yes: exact("Sí") }), {
        minCoverage: 0.5,
      });
      const error = await failure.catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(InsufficientCoverageError);
      expect(error).toMatchObject({
        code: "INSUFFICIENT_COVERAGE",
        message:
          "The provider covers 1 of 3 cues (33.3 %), at least 50 % is asked for: " +
          "add to the translation memory, or lower the minimum coverage",
        covered: 1,
        total: 3,
        minCoverage: 0.5,
        uncovered: [{ index: 2 }, { index: 3 }],
      });
    });

    test("fails if nothing is covered, for any minimum", async () => {
      await expect(translate(cuesOf("Yes"), knowing({}))).rejects.toThrow(InsufficientCoverageError);
    });

    test("accepts the minimum itself", async () => {
      const result = translate(cuesOf("Yes", "No"), knowing({ Yes: exact("Sí") }), { minCoverage: 0.5 });
      expect(await result).toMatchObject({ coverage: 0.5 });
    });
  });

  describe("with a provider whose answers do not match the cues", () => {
    const replying = (...replies: readonly TranslatedCue[]): TranslationProvider => ({
      name: "The provider",
      translate: async () => replies,
    });

    test.each([
      ["one is missing", [{ index: 1, translation: exact("a") }], "cue 2 is not answered"],
      [
        "one is there twice",
        [
          { index: 1, translation: exact("a") },
          { index: 1, translation: exact("b") },
        ],
        "cue 1 is answered twice",
      ],
      ["one was not requested", [{ index: 7, translation: exact("a") }], "cue 7 was not requested"],
    ])("fails if %s", async (_name, replies, reason) => {
      const failure = translate(cuesOf("One", "Two"), replying(...replies));
      await expect(failure).rejects.toThrow(ProviderReplyError);
      await expect(failure).rejects.toThrow(reason);
    });

    test("matches answers by index and not by position", async () => {
      const provider = replying({ index: 2, translation: exact("dos") }, { index: 1, translation: exact("uno") });
      const result = await translate(cuesOf("One", "Two"), provider);
      expect(result.cues.map(({ text }) => text)).toEqual(["uno", "dos"]);
    });
  });

  test("calls the provider in batches, in order, and reports the progress after each", async () => {
    const texts = ["a", "b", "c", "d", "e"];
    const provider = knowing({ a: exact("1"), c: exact("3"), e: exact("5") });
    const asked = vi.spyOn(provider, "translate");
    const onProgress = vi.fn();
    await translate(cuesOf(...texts), provider, { batchSize: 2, onProgress });
    expect(asked.mock.calls.map(([cues]) => cues.map(({ text }) => text))).toEqual([["a", "b"], ["c", "d"], ["e"]]);
    expect(onProgress.mock.calls.map(([progress]) => progress)).toEqual([
      { done: 2, total: 5, covered: 1 },
      { done: 4, total: 5, covered: 2 },
      { done: 5, total: 5, covered: 3 },
    ]);
  });

  test("passes on the errors of the provider and of the progress callback", async () => {
    const failing: TranslationProvider = { name: "x", translate: () => Promise.reject(new Error("offline")) };
    await expect(translate(cuesOf("Yes"), failing)).rejects.toThrow("offline");
    const onProgress = () => Promise.reject(new Error("store is unavailable"));
    await expect(translate(cuesOf("Yes"), knowing({ Yes: exact("Sí") }), { onProgress })).rejects.toThrow(
      "unavailable",
    );
  });

  test("stops between batches when aborted", async () => {
    const abort = new AbortController();
    const provider = knowing({ a: exact("1"), b: exact("2") });
    const asked = vi.spyOn(provider, "translate");
    const onProgress = () => abort.abort(new Error("stop"));
    const failure = translate(cuesOf("a", "b"), provider, { batchSize: 1, onProgress, signal: abort.signal });
    await expect(failure).rejects.toThrow("stop");
    expect(asked).toHaveBeenCalledTimes(1);
  });

  test.each([{ minCoverage: -0.1 }, { minCoverage: 1.1 }, { minCoverage: Number.NaN }, { batchSize: 0 }])(
    "rejects %j",
    async (options) => {
      await expect(translate(cuesOf("Yes"), knowing({}), options)).rejects.toThrow(RangeError);
    },
  );

  test("rejects two cues with one index", async () => {
    const [cue] = cuesOf("Yes");
    if (cue === undefined) throw new Error("no cue");
    await expect(translate([cue, cue], knowing({}))).rejects.toThrow(RangeError);
  });
});
