export { type Place, testDriver } from "./lib/contract/test-driver.js";
