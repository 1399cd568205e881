export { type DriverUnderTest, testDriver } from "./lib/contract/index.js";
