import { expect, test } from "vitest";
import { undocumentedIn } from "../dev/api-reports.mjs";

test("finds the names and members that a report says nothing about", () => {
  const report = `
// @public
export interface Spoken {
    readonly said: string;
    // (undocumented)
    readonly silent: string;
    // (undocumented)
    run(): void;
}

// @public (undocumented)
export class Mute {
    // (undocumented)
    static is(value: unknown): boolean;
}

declare namespace redis {
    export {
        Spoken
    }
}

// (undocumented)
const lost: string;
`;
  expect(undocumentedIn(report)).toEqual(["Spoken.silent", "Spoken.run", "Mute", "Mute.is", "lost"]);
});
