export { createDashboard, type Dashboard } from "./lib/dashboard/dashboard.js";
export type * from "./lib/dashboard/options.js";
