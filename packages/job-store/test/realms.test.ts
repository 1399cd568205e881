import { EventEmitter } from "node:events";
import { runInNewContext } from "node:vm";
import { expect, onTestFinished, test } from "vitest";
import * as z from "zod";
import { createJobStore, defineJob, JobStoreError } from "../src/index.js";
import { memoryDriver } from "../src/memory.js";
import { type RedisClient, redisDriver } from "../src/redis.js";

/** Runs code in another realm with another `Error`, like Jest. */
const elsewhere = (code: string): unknown => runInNewContext(code);

const job = defineJob({ name: "film", data: z.object({}), initial: "queued", statuses: { queued: { next: [] } } });

test.each([
  ["its message", "new Error('connect ECONNREFUSED 127.0.0.1:1')"],
  ["its code", "Object.assign(new Error(''), { code: 'ECONNREFUSED' })"],
  ["one of its parts", "new AggregateError([new Error('connect ECONNREFUSED ::1:1')], '')"],
  ["the last node's", "Object.assign(new Error('all'), { lastNodeError: new Error('connect ECONNREFUSED') })"],
])("the reason of an error of another realm is reported: %s", async (_, code) => {
  const connection = Object.assign(new EventEmitter(), {
    isCluster: false,
    status: "connecting",
    options: {},
    disconnect() {},
  });
  const client: RedisClient = { isCluster: false, status: "wait", options: {}, on() {}, duplicate: () => connection };
  const store = createJobStore({ job, driver: redisDriver({ client, timeoutMs: 50 }) });
  onTestFinished(() => store.close());
  const created = store.create({});
  connection.emit("error", elsewhere(code));
  await expect(created).rejects.toThrow(/ECONNREFUSED/);
});

test("the message of an error that a function of the caller throws is reported, from any realm", async () => {
  const broken = defineJob({
    name: "film",
    data: z.object({ n: z.number() }),
    initial: "queued",
    statuses: { queued: { next: [] } },
    index: {
      label: () => {
        throw elsewhere("new RangeError('no label')");
      },
    },
  });
  const store = createJobStore({ job: broken, driver: memoryDriver() });
  onTestFinished(() => store.close());
  await expect(store.create({ n: 1 })).rejects.toThrow(
    /the index value of field "label" could not be computed: no label/,
  );
});

test("an error of this package is recognized if its realm is another one", () => {
  const error = elsewhere(`Object.assign(new Error("gone"), {
    code: "NOT_FOUND",
    [Symbol.for("@subtitles/job-store/error")]: true,
  })`);
  expect(JobStoreError.is(error, "NOT_FOUND")).toBe(true);
  expect(JobStoreError.is(error, "CONFLICT")).toBe(false);
});

test("a Date of another realm is a Date", async () => {
  const store = createJobStore({ job, driver: memoryDriver() });
  onTestFinished(() => store.close());
  const { job: created } = await store.create({}, { id: "a" });
  const at = created.createdAt.getTime();
  const createdAt = elsewhere(`new Date(${at})`) as Date;
  expect(await store.list({ after: elsewhere(`new Date(${at - 1})`) as Date })).toMatchObject({ items: [{ id: "a" }] });
  expect(await store.save({ ...created, createdAt })).toMatchObject({ id: "a", version: 2, createdAt: new Date(at) });
  const impostor = { getTime: () => at, [Symbol.toStringTag]: "Date" } as unknown as Date;
  await expect(store.list({ after: impostor })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
});
