import { expect, test } from "vitest";
import { undocumentedIn } from "../dev/api-reports.mjs";

test("names and members without a doc comment are found", () => {
  const report = `
// @public
export interface Documented {
    readonly commented: string;
    // (undocumented)
    readonly uncommented: string;
    // (undocumented)
    run(): void;
}

// @public (undocumented)
export class Undocumented {
    // (undocumented)
    static is(value: unknown): boolean;
}

declare namespace redis {
    export {
        Documented
    }
}

// (undocumented)
const lost: string;
`;
  expect(undocumentedIn(report)).toEqual([
    "Documented.uncommented",
    "Documented.run",
    "Undocumented",
    "Undocumented.is",
    "lost",
  ]);
});
