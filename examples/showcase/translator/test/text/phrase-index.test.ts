import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PhraseIndex } from "../../src/text/phrase-index.js";
import { similarity, weighByRarity } from "../../src/text/similarity.js";

const THRESHOLD = 0.75;
const index = (...pairs: readonly [source: string, target: string][]) =>
  new PhraseIndex(
    pairs.map(([source, target]) => ({ source, target })),
    "en",
    THRESHOLD,
  );
const exact = (text: string) => ({ text, match: "exact", score: 1 });

describe("an exact match", () => {
  test.each(["Good morning.", "good morning", "GOOD   MORNING!", " Good morning… "])("is found for %j", (text) => {
    expect(index(["Good morning.", "Buenos días."]).find(text)).toEqual(exact("Buenos días."));
  });

  test("keeps the marks around the text", () => {
    expect(index(["Good morning.", "Buenos días."]).find("“Good morning…”")).toEqual(exact("“Buenos días.”"));
  });

  test("ignores the kind of apostrophe", () => {
    expect(index(["I'm fine.", "Estoy bien."]).find("I’m fine.")).toEqual(exact("Estoy bien."));
  });

  test("prefers exactly the same text", () => {
    const phrases = index(["Stop.", "Para."], ["Stop!", "¡Para!"]);
    expect(phrases.find("Stop!")).toEqual(exact("¡Para!"));
    expect(phrases.find("STOP")).toEqual(exact("Para."));
  });

  test("can be the source text itself if the memory has it", () => {
    expect(index(["OK", "OK"]).find("OK.")).toEqual(exact("OK"));
  });

  test.each([
    ["a question for a statement", "You know him?"],
    ["a statement with another number", "You know him 2"],
  ])("is not made from %s", (_name, text) => {
    expect(index(["You know him.", "Lo conoces."]).find(text)).toBeNull();
  });
});

describe("a fuzzy match", () => {
  const phrases = index(
    ["I think we should go home now.", "Creo que deberíamos irnos a casa ya."],
    ["We have been waiting here for 3 hours.", "Llevamos 3 horas esperando aquí."],
    ["I know that you gave them the truth.", "Sé que les dijiste la verdad."],
    ["The meeting starts at 10:30 in the big room.", "La reunión empieza a las 10:30 en la sala grande."],
    ["He gave me 2 of the 2 keys to the house.", "Me dio 2 de las 2 llaves de la casa."],
    ["It costs 2.50 to cross the old bridge.", "Cuesta 2,50 cruzar el puente viejo."],
    ["There are seven people waiting in the car outside.", "Hay siete personas esperando fuera en el coche."],
  );

  test("returns the most similar phrase with its score", () => {
    const found = phrases.find("Well, I think we should go home now.");
    expect(found).toMatchObject({ text: "Creo que deberíamos irnos a casa ya.", match: "fuzzy" });
    expect(found?.score).toBeGreaterThanOrEqual(THRESHOLD);
    expect(found?.score).toBeLessThan(1);
  });

  test.each([
    ["the words are others", "My brother sold the boat."],
    ["a negation is missing", "I know that you never gave them the truth."],
    ["a negation is contracted", "I know that you didn't gave them the truth."],
    ["it is a question", "I think we should go home now?"],
    ["a number word differs", "There are nine people waiting in the car outside."],
    ["a number is missing", "We have been waiting here for hours."],
    ["a number becomes one", "We have been waiting here for 1 hours."],
    ["it is not plain which number differs", "He gave me 1 of the 2 keys to the house."],
    ["a decimal differs", "It costs 3.50 to cross the old bridge."],
    ["it would be one o'clock", "The meeting starts at 1:30 in the big room."],
  ])("is rejected if %s", (_name, text) => {
    expect(phrases.find(text)).toBeNull();
  });

  test("replaces a number, and is then never exact", () => {
    expect(phrases.find("We have been waiting here for 5 hours.")).toEqual({
      text: "Llevamos 5 horas esperando aquí.",
      match: "fuzzy",
      score: 0.99,
    });
    expect(phrases.find("The meeting starts at 11:45 in the big room.")?.text).toBe(
      "La reunión empieza a las 11:45 en la sala grande.",
    );
  });

  test("replaces two numbers", () => {
    const swapping = index(["Take bus 4 to gate 9 at noon.", "Toma el autobús 4 a la puerta 9 a mediodía."]);
    expect(swapping.find("Take bus 9 to gate 4 at noon.")?.text).toBe("Toma el autobús 9 a la puerta 4 a mediodía.");
  });

  test("is never made from an untranslated phrase", () => {
    const untranslated = index(["The old man and the sea again", "The old man and the sea again"]);
    expect(untranslated.find("The old man and the sea once more again")).toBeNull();
    expect(untranslated.find("Old man and the sea again")).toBeNull();
  });
});

describe("similarity", () => {
  const words = fc.array(fc.constantFrom("the", "last", "ferry", "leaves", "now"), { maxLength: 8 });
  const weigh = (word: string) => word.length;

  test("is 1 for the same words only, symmetric, and from 0 to 1", () => {
    fc.assert(
      fc.property(words, words, (a, b) => {
        const score = similarity(a, b, weigh);
        expect(score).toBeCloseTo(similarity(b, a, weigh), 10);
        expect(score).toBeGreaterThanOrEqual(0);
        expect(score === 1).toBe(a.join(" ") === b.join(" "));
      }),
    );
  });

  test("is the common share of the weight", () => {
    expect(similarity(["last", "ferry"], ["last", "train"], weigh)).toBeCloseTo(4 / 9);
    expect(similarity(["last", "ferry"], ["ferry"], weigh)).toBeCloseTo(5 / 9);
    expect(similarity(["last", "ferry"], ["ferry", "last"], weigh)).toBeCloseTo(5 / 9);
  });
});

test("finds the same phrase as a comparison with all phrases", () => {
  const vocabulary = fc.constantFrom("the", "a", "last", "ferry", "train", "leaves", "at", "night", "we", "wait");
  const sentence = fc.array(vocabulary, { minLength: 1, maxLength: 7 });
  const sentences = fc.uniqueArray(sentence, { minLength: 1, maxLength: 12, selector: (words) => words.join(" ") });
  fc.assert(
    fc.property(sentences, sentence, (sources, text) => {
      const weigh = weighByRarity(sources);
      const best = Math.max(...sources.map((source) => similarity(source, text, weigh)));

      const found = index(...sources.map((words): [string, string] => [words.join(" "), "…"])).find(text.join(" "));
      if (best < THRESHOLD) expect(found).toBeNull();
      else expect(found?.score).toBeCloseTo(best === 1 ? 1 : Math.min(best, 0.99), 10);
    }),
  );
});
