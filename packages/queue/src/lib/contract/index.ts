import { describe } from "vitest";
import { consumeContract, timeLimitContract } from "./consume.js";
import { dedupeContract } from "./dedupe.js";
import { deliverySourceContract } from "./delivery-source.js";
import type { OpenDriver } from "./fixture.js";
import { closeContract, statsContract } from "./operations.js";
import { originContract } from "./origin.js";
import { postponeContract, unreadableContract } from "./postpone.js";
import { payloadContract, publishContract } from "./publish.js";
import { relayContract } from "./relay.js";
import { deadLetterContract, retryContract } from "./retry.js";
import { upcastContract } from "./upcast.js";

export type { DriverUnderTest, OpenDriver } from "./fixture.js";

/**
 * Defines the conformance tests of a driver. They run in vitest and check all guarantees that `@subtitles/queue` gives for every
 * driver:
 *
 *     testDriver("memory", () => ({ driver: memoryDriver() }));
 *
 * @param name name of the driver in the names of the tests
 * @param open returns a driver. Called once per test; its queues must not be shared with another test
 */
export function testDriver(name: string, open: OpenDriver): void {
  describe(`the ${name} driver`, () => {
    describe("publish", () => publishContract(open));
    describe("payloads, ids and headers", () => payloadContract(open));
    describe("consume", () => consumeContract(open));
    describe("upcast", () => upcastContract(open));
    describe("deduplication", () => dedupeContract(open));
    describe("unreadable messages", () => unreadableContract(open));
    describe("time limits", () => timeLimitContract(open));
    describe("retry", () => retryContract(open));
    describe("postpone", () => postponeContract(open));
    describe("origin", () => originContract(open));
    describe("dead letters", () => deadLetterContract(open));
    describe("stats, purge and health", () => statsContract(open));
    describe("relay", () => relayContract(open));
    describe("deliveries for a worker", () => deliverySourceContract(open));
    describe("close", () => closeContract(open));
  });
}
