// Measures the record format of the Redis driver (docs/decisions/0003): bytes per job, and calls per second compared with raw SET
// and GET.
// Needs redis-server, and the packages built: npm run build && node bench/record-format.mjs [jobs, 100000 by default]
import { createJobStore, defineJob } from "@subtitles/job-store";
import { redisDriver } from "@subtitles/job-store/redis";
import { z } from "zod";
import { connect, median, rate, usedMemory, withRedis } from "./private-redis.mjs";

const JOBS = Number(process.argv[2] ?? 100_000);
const PORT = 7941;
const PAYLOAD = { text: "x".repeat(560 - '{"text":""}'.length) };

const job = defineJob({
  name: "bench",
  data: z.object({ text: z.string() }),
  initial: "pending",
  statuses: { pending: { next: ["downloading"] }, downloading: { next: ["downloading"] } },
});

await withRedis(PORT, measure);

async function measure(url) {
  const raw = connect(url, { enableAutoPipelining: true });
  const store = createJobStore({ job, driver: redisDriver({ url }) });

  console.log(
    `bytes per job, ${JOBS} jobs of ${JSON.stringify(PAYLOAD).length} bytes of data, created and moved once:`,
  );
  const before = await usedMemory(raw);
  for (let first = 0; first < JOBS; first += 1000) {
    const created = await store.createMany(Array.from({ length: 1000 }, () => ({ data: PAYLOAD })));
    await Promise.all(created.map(({ value }) => store.updateStatus(value.job, "downloading")));
  }
  console.log(`  record and both indexes        ${Math.round(((await usedMemory(raw)) - before) / JOBS)}`);
  const { items } = await store.list({ limit: 1 });
  const text = await raw.get(`job:${items[0].id}`);
  console.log(
    `  record alone                   ${text.length} characters, ${await raw.memory("USAGE", `job:${items[0].id}`)} bytes with its key`,
  );
  const verbose = withAllFields(items[0]);
  await raw.set("verbose", verbose);
  console.log(
    `  record with all field names    ${verbose.length} characters, ${await raw.memory("USAGE", "verbose")} bytes with its key`,
  );

  const ids = [];
  for await (const { id } of store.scan({ limit: 1000 })) ids.push(id);
  const ready = JSON.stringify({ ...PAYLOAD, id: ids[0], status: "pending" });
  let moved = 0;
  const works = {
    "raw SET": (n) => raw.set(`raw:${n % 1000}`, ready),
    create: () => store.create(PAYLOAD),
    updateStatus: () => store.updateStatus(ids[moved++ % ids.length], "downloading"),
    "raw GET": (n) => raw.get(`job:${ids[n % ids.length]}`),
    get: (n) => store.get(ids[n % ids.length]),
  };
  const rounds = Object.fromEntries(Object.keys(works).map((name) => [name, []]));
  for (let round = 0; round < 5; round++) {
    for (const [name, work] of Object.entries(works)) rounds[name].push(await rate(work));
  }
  console.log(
    `calls per second, 64 at a time, median of 5 interleaved rounds; raw calls are auto-pipelined and not parsed:`,
  );
  for (const name of Object.keys(works)) {
    const baseline = name.toLowerCase().endsWith("get") ? "raw GET" : "raw SET";
    const ratio = median(rounds[name].map((value, n) => value / rounds[baseline][n]));
    console.log(
      `  ${name.padEnd(14)} ${Math.round(median(rounds[name])).toString().padStart(7)}   ${ratio.toFixed(2)} × ${baseline}`,
    );
  }
  await store.close();
  raw.disconnect();
}

/** Returns the same job as JSON with its id, absolute times and the names of all fields. */
function withAllFields({ progress, result, error, data, history, ...control }) {
  return JSON.stringify({
    ...control,
    progress,
    result,
    error,
    data,
    operations: [{ id: "abcdefg000", deadline: Date.now(), version: 2 }],
    history,
  });
}
