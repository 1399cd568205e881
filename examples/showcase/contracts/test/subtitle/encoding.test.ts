import fc from "fast-check";
import { encode } from "iconv-lite";
import { describe, expect, test } from "vitest";
import { damageIn, decodeSubtitle } from "../../src/subtitle/index.js";
import { fixture } from "../fixture.js";

const bytes = (...values: readonly number[]) => Uint8Array.from(values);
const CUE = "1\n00:00:01,000 --> 00:00:02,000\n";

describe("decodeSubtitle", () => {
  test("reads UTF-8 and leaves its byte order mark out", () => {
    const marked = bytes(0xef, 0xbb, 0xbf, ...new TextEncoder().encode("señor"));
    expect(decodeSubtitle(marked)).toEqual({ text: "señor", encoding: "utf-8", foundBy: "mark" });
  });

  test("reads valid UTF-8 as UTF-8 in every language", () => {
    expect(decodeSubtitle(new TextEncoder().encode("Привет"), "ru")).toEqual({
      text: "Привет",
      encoding: "utf-8",
      foundBy: "bytes",
    });
  });

  test.each([
    ["utf-16le with a mark", Buffer.from(`\uFEFF${CUE}Привет`, "utf16le"), "utf-16le"],
    ["utf-16le without", Buffer.from(`${CUE}Привет`, "utf16le"), "utf-16le"],
    ["utf-16be with a mark", Buffer.from(`\uFEFF${CUE}Привет`, "utf16le").swap16(), "utf-16be"],
    ["utf-16be without", Buffer.from(`${CUE}Привет`, "utf16le").swap16(), "utf-16be"],
  ])("reads %s", (_name, source, encoding) => {
    expect(decodeSubtitle(source)).toMatchObject({ text: `${CUE}Привет`, encoding });
  });

  test.each([
    ["cs", [0xe8, 0xf9, 0xf8], "čůř", "windows-1250"],
    ["cze", [0xe8, 0xf9, 0xf8], "čůř", "windows-1250"],
    ["ru-RU", [0xcf, 0xf0, 0xe8], "При", "windows-1251"],
    ["sr", [0xcf, 0xf0, 0xe8], "При", "windows-1251"],
    ["sr-Latn", [0xe8, 0x9e], "čž", "windows-1250"],
    ["es", [0x73, 0x65, 0xf1, 0x6f, 0x72], "señor", "windows-1252"],
    ["el", [0xe1, 0xe2, 0xe3], "αβγ", "windows-1253"],
    ["tr", [0xfe, 0xfd, 0xf0], "şığ", "windows-1254"],
    ["he", [0xf9, 0xec, 0xe5], "שלו", "windows-1255"],
    ["ar", [0xe3, 0xd1, 0xcd], "مرح", "windows-1256"],
    ["lt", [0xe0, 0xf8, 0xfe], "ąųž", "windows-1257"],
    ["ja", [0x93, 0xfa, 0x96, 0x7b], "日本", "shift_jis"],
    ["ko", [0xc7, 0xd1], "한", "euc-kr"],
    ["zh", [0xd6, 0xd0], "中", "gb18030"],
    ["zh-TW", [0xa4, 0xa4], "中", "big5"],
  ])("reads the code page of %s", (language, source, text, encoding) => {
    expect(decodeSubtitle(bytes(...source), language)).toEqual({ text, encoding, foundBy: "language" });
  });

  test.each([undefined, "", "not a tag", "xx"])("falls back to windows-1252 for the language %j", (language) => {
    // 0x92 is the apostrophe of windows-1252 and a control character in latin1.
    expect(decodeSubtitle(bytes(0x69, 0x74, 0x92, 0x73, 0xe9), language)).toMatchObject({
      text: "it’sé",
      encoding: "windows-1252",
    });
  });

  const spoken = {
    ru: "Привет, как дела? Всё хорошо. Куда ты идёшь?",
    cs: "Příliš žluťoučký kůň úpěl ďábelské ódy, řekl šťastně.",
    pl: "Zażółć gęślą jaźń. Proszę, chodź ze mną.",
    sr: "Šta ćeš da radiš? Želim da čujem đaka.",
    el: "Άλφα και Ωμέγα. Καλημέρα, πώς είσαι;",
    ja: "こんにちは、元気ですか。今日はどこへ行きますか。",
    zh: "你好，我們今天去哪裡？謝謝你的幫助。",
    "zh-TW": "你好，我们今天去哪里？谢谢你的帮助。",
  };
  test.each([
    ["ru", "koi8-r"],
    ["ru", "iso-8859-5"],
    ["ru", "windows-1251"],
    ["cs", "iso-8859-2"],
    ["pl", "iso-8859-2"],
    ["sr", "windows-1250"],
    ["el", "iso-8859-7"],
    ["ja", "euc-jp"],
    ["zh", "big5"],
    ["zh-TW", "gb18030"],
  ] as const)("recognizes %s as %s by its text", (language, encoding) => {
    const text = `${CUE}${spoken[language]}\n`.repeat(5);
    expect(decodeSubtitle(encode(text, encoding), language)).toEqual({ text, encoding, foundBy: "language" });
  });

  test.each([
    ["en", "ru", "windows-1251"],
    [undefined, "ru", "koi8-r"],
    ["en", "ja", "shift_jis"],
  ] as const)("uses the detector if a file that should be %s is %s in %s", (claimed, language, encoding) => {
    const text = `${CUE}${spoken[language]}\n`.repeat(5);
    expect(decodeSubtitle(encode(text, encoding), claimed)).toEqual({ text, encoding, foundBy: "detector" });
  });

  test.each([
    ["el", ["windows-1253", "iso-8859-7"], "Άσε με. Άλλη μια φορά."],
    ["el", ["windows-1253", "iso-8859-7"], "Έλα εδώ, Άννα!"],
    ["cs", ["windows-1250", "iso-8859-2"], "Kde je Šárka? Co děláš?"],
    ["sk", ["windows-1250", "iso-8859-2"], "Žltá ruža"],
    ["pl", ["windows-1250", "iso-8859-2"], "Są już tu."],
    ["hr", ["windows-1250", "iso-8859-2"], "Što je to?"],
    ["sr", ["windows-1251"], "Где идеш? Не знам, ђаче."],
    ["sr", ["windows-1250"], "Šta je to?"],
    ["ru", ["windows-1251", "koi8-r", "iso-8859-5"], "СТОЙ! СТРЕЛЯТЬ БУДУ!"],
    ["ru", ["windows-1251", "koi8-r", "iso-8859-5"], "Да."],
    ["uk", ["windows-1251", "koi8-u", "iso-8859-5"], "Її тут немає."],
    ["bg", ["windows-1251", "koi8-r", "iso-8859-5"], "Къде отиваш? Не знам."],
    ["lt", ["windows-1257", "iso-8859-13"], "Ąžuolas šaltas. Kur eini?"],
    ["ar", ["windows-1256", "iso-8859-6"], "مرحبا، كيف حالك اليوم؟"],
    ["ja", ["shift_jis", "euc-jp"], "アメリカへ行く。わからない。"],
  ])("distinguishes the code pages of %s: %j", (language, pages, words) => {
    const text = `${CUE}${words}\n`;
    for (const page of pages) expect(decodeSubtitle(encode(text, page), language), page).toMatchObject({ text });
  });

  test("reads a Greek file of Windows that is recognized only by an accented capital", async () => {
    expect(decodeSubtitle(await fixture("greek-1253.el.srt"), "el")).toMatchObject({
      text: expect.stringContaining("Άσε με. Άλλη μια φορά."),
      encoding: "windows-1253",
    });
  });

  test("shows that a last character was cut off", () => {
    expect(decodeSubtitle(bytes(0x93, 0xfa, 0x96), "ja").text).toBe("日\uFFFD");
    expect(decodeSubtitle(bytes(0xff, 0xfe, 0x41, 0x00, 0x42)).text).toBe("A\uFFFD");
  });

  describe("of UTF-8 with some damage", () => {
    test.each([
      ["one byte of another encoding", "utf8-one-stray-byte.en.srt", "en", "“Where have you been?”", "caf\uFFFD noir"],
      ["a last character that is cut off", "utf8-truncated.ru.srt", "ru", "Где ты был вчера?", "Ну и ладн\uFFFD"],
    ])("keeps the other characters, and counts %s", async (_name, file, language, intact, damaged) => {
      const { text, encoding } = decodeSubtitle(await fixture(file), language);
      expect(encoding).toBe("utf-8");
      expect(text).toContain(intact);
      expect(text).toContain(damaged);
      expect(damageIn(text)).toMatch(/1 unreadable character,/);
    });

    test.each(Object.entries(spoken))("keeps the other characters of a file in %s", (language, words) => {
      const whole = new TextEncoder().encode(`${CUE}${words}\n`);
      const bytes = Uint8Array.from([...whole, 0xe9, 0x0a, ...whole]);
      expect(decodeSubtitle(bytes, language)).toMatchObject({
        text: `${CUE}${words}\n\uFFFD\n${CUE}${words}\n`,
        encoding: "utf-8",
      });
    });
  });

  test.each([
    ["th", "windows-874", "สวัสดีครับ คุณเป็นอย่างไรบ้าง วันนี้เราจะไปไหนกันดี"],
    ["ko", "euc-kr", "안녕하세요, 오늘은 어디로 갑니까? 도와주셔서 감사합니다."],
    ["zh", "gb18030", "你好，我们今天去哪里？谢谢你的帮助。"],
    ["ja", "euc-jp", "こんにちは、元気ですか。今日はどこへ行きますか。"],
  ])("does not read %s in %s as damaged UTF-8", (language, page, words) => {
    const text = `${CUE}${words}\n`;
    expect(decodeSubtitle(encode(text, page), language)).toMatchObject({ text });
    expect(damageIn(text)).toBeNull();
  });

  test("never throws", () => {
    const hint = fc.option(fc.oneof(fc.string(), fc.constantFrom("ja", "zh", "ko", "vi", "th")), { nil: undefined });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), hint, (source, language) => {
        expect(typeof decodeSubtitle(source, language).text).toBe("string");
      }),
    );
  });
});
