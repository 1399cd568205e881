import type { Case } from "./world.js";

export function timeLimits(_test: Case): void {}
