import type { Case } from "./world.js";

export function closing(_test: Case): void {}
