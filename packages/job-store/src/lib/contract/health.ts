import { expect } from "vitest";
import type { Health } from "../../index.js";
import type { Context } from "./context.js";

function expectShape(health: Health): void {
  expect(["healthy", "degraded", "unhealthy"]).toContain(health.status);
  expect(health.driver).toBeTypeOf("string");
  if (health.latencyMs !== null) expect(health.latencyMs).toBeGreaterThanOrEqual(0);
  expect(JSON.parse(JSON.stringify(health.details))).toEqual(health.details);
  for (const warning of health.warnings) expect(warning).toBeTypeOf("string");
  if (health.status === "unhealthy") expect(health.error).not.toBe("");
}

export function health({ test }: Context): void {
  test("a store that works is not unhealthy, and says so in the declared shape", async ({ store, place }) => {
    for (const options of [undefined, {}, { timeoutMs: undefined }, { timeoutMs: 5000 }]) {
      const health = await store.health(options);
      expectShape(health);
      expect(health.status).not.toBe("unhealthy");
      expect(health.driver).toBe(place.driver.name);
      expect(health.latencyMs).toBeTypeOf("number");
      expect(health.error).toBeUndefined();
    }
  });

  test("it never throws: not for senseless options, not after closing", async ({ store }) => {
    for (const timeoutMs of [0, -1, Number.NaN, 1e9, "soon", "1000", 1n, Symbol("soon"), Object.create(null)]) {
      const health = await store.health({ timeoutMs: timeoutMs as number });
      expectShape(health);
      expect(health.status).toBe("unhealthy");
    }
    await store.close();
    const closed = await store.health();
    expectShape(closed);
    expect(closed).toMatchObject({ status: "unhealthy", error: expect.stringContaining("closed") });
  });

  test("rejected messages cause a warning, and the store is still healthy", async ({ store }) => {
    const before = await store.health();
    const outbox = [1, 2].map((payload) => ({ queue: "reprots", payload }));
    await store.create({ title: "One" }, { outbox });
    const [first, second] = (await store.outbox.read()).map(({ entryId }) => entryId);
    await store.outbox.reject([first as string], "No such queue.");
    const warned = await store.health();
    expect(warned.status).toBe(before.status);
    expect(warned.warnings).toEqual([
      ...before.warnings,
      expect.stringMatching(/^1 outbox message was rejected/),
    ]);
    await store.outbox.reject([second as string], "No such queue.");
    expect((await store.health()).warnings.at(-1)).toMatch(/^2 messages are set aside .* outbox --rejected, says why/);
    await store.outbox.ack([first as string, second as string]);
    expect((await store.health()).warnings).toEqual(before.warnings);
  });

  test("asking many times at once is no trouble", async ({ store }) => {
    for (const health of await Promise.all(Array.from({ length: 20 }, () => store.health()))) {
      expect(health.status).not.toBe("unhealthy");
    }
  });
}
