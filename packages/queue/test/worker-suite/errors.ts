import type { Case } from "./world.js";

export function errors(_test: Case): void {}
