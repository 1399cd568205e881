export { createDashboard, type Dashboard } from "./lib/dashboard/dashboard.js";
export { type NodeRequest, type NodeResponse, nodeRequestOf } from "./lib/dashboard/node.js";
export type * from "./lib/dashboard/options.js";
