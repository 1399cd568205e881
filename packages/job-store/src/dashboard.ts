export { createDashboard, type Dashboard } from "./lib/dashboard/dashboard.js";
export { nodeRequestOf } from "./lib/dashboard/node.js";
export type * from "./lib/dashboard/options.js";
