import { describe } from "vitest";
import { consumeContract } from "./consume.js";
import { deadLetterContract } from "./dead-letter.js";
import { dedupeContract } from "./dedupe.js";
import { evolutionContract } from "./evolution.js";
import type { OpenDriver } from "./fixture.js";
import { payloadContract } from "./payloads.js";
import { publishContract } from "./publish.js";
import { relayContract } from "./relay.js";
import { retryContract } from "./retry.js";
import { shutdownContract } from "./shutdown.js";
import { statsContract } from "./stats.js";
import { timeLimitContract } from "./time-limit.js";

export type { DriverUnderTest, OpenDriver } from "./fixture.js";

/**
 * Holds a driver to everything that `@subtitles/queue` promises of any driver. Runs in vitest:
 *
 *     testDriver("memory", () => ({ driver: memoryDriver() }));
 *
 * @param open called once per test; gives a driver whose queues no other test shares
 */
export function testDriver(name: string, open: OpenDriver): void {
  describe(`the ${name} driver`, () => {
    describe("publish", () => publishContract(open));
    describe("payloads, ids and headers", () => payloadContract(open));
    describe("consume", () => consumeContract(open));
    describe("evolution", () => evolutionContract(open));
    describe("duplicates", () => dedupeContract(open));
    describe("time limits", () => timeLimitContract(open));
    describe("retry", () => retryContract(open));
    describe("dead letters", () => deadLetterContract(open));
    describe("stats, purge and health", () => statsContract(open));
    describe("relay", () => relayContract(open));
    describe("shutdown", () => shutdownContract(open));
  });
}
