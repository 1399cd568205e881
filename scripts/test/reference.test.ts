import { expect, test } from "vitest";
import { codesIn, errorCodes, headers, limits, limitsIn, queues } from "../dev/reference-tables.mjs";

const source = (list: string) => `
/**
 * Reason:
 *
${list}
 */
export type Code = "A" | "B";
`;

test("codes have their meaning and action from the doc comment of the type", () => {
  const text = source(" * - `A`: One\n *   line. Action: Try again.\n * - `B`: Two. Action: Stop.");
  expect(codesIn(text, "Code")).toEqual([
    ["`A`", "One line.", "Try again."],
    ["`B`", "Two.", "Stop."],
  ]);
});

test.each([
  ["a code without an action", " * - `A`: One. Action: Try again.\n * - `B`: Two."],
  ["a missing code", " * - `A`: One. Action: Try again."],
  ["an unknown code", " * - `A`: One. Action: Stop.\n * - `B`: Two. Action: Stop.\n * - `C`: Three. Action: Stop."],
])("%s is an error", (_, list) => {
  expect(() => codesIn(source(list), "Code")).toThrow(/Code/);
});

test("limits have their comment, value and unit", () => {
  const text = `
/** Maximum size. */
const MAX_BYTES = 16 * 1024;
/** Maximum number. */
export const MAX = 2 ** 31 - 1;
/** Name of a thing. */
const NAME = /^(?:a|b)$/;
const BARE = 1;
`;
  expect(limitsIn(text, ["MAX_BYTES", "MAX", "NAME"])).toEqual([
    ["Maximum size.", "16,384 bytes"],
    ["Maximum number.", "2,147,483,647"],
    ["Name of a thing.", "`/^(?:a\\|b)$/`"],
  ]);
  expect(limitsIn("-- Maximum in Lua.\nlocal MAX_BYTES = 10\n", ["MAX_BYTES"])).toEqual([
    ["Maximum in Lua.", "10 bytes"],
  ]);
  expect(() => limitsIn(text, ["BARE"])).toThrow("BARE");
  expect(() => limitsIn(text, ["OTHER"])).toThrow("OTHER");
});

test("the sources of the packages have codes, limits, queues and headers", async () => {
  expect(
    Object.values(await errorCodes())
      .flat()
      .flat(),
  ).toContain("`UNROUTABLE`");
  expect(Object.values(await limits()).flat()).toContainEqual(["Maximum size of a message id.", "255 bytes"]);
  expect((await queues()).map(([name]) => name)).toEqual(["`<prefix>q.dead`", "`<prefix>q`", "`<prefix>q.wait.1000`"]);
  expect((await headers()).map(([name]) => name)).toContain("`x-subtitles-header-<name>`");
});
