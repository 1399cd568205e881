import type { Suite } from "../frame/suite.js";
import { consuming } from "./consuming.js";
import { publishing } from "./publishing.js";
import { relaying } from "./relaying.js";

export const queueSuites: readonly Suite[] = [publishing, consuming, relaying];
