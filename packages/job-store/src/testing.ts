export { type DriverUnderTest, testDriver } from "./lib/contract/test-driver.js";
