import { createJobStore } from "@subtitles/job-store";
import { redisDriver } from "@subtitles/job-store/redis";
import { type Broker, createRelay, message } from "@subtitles/queue";
import { quantile, ratios } from "../harness/statistics.js";
import type { Run, Section, Suite } from "../harness/suite.js";
import { data, forEach, newIds, subtitleJob } from "../job-store/jobs.js";
import { type BenchRedis, benchRedis } from "../job-store/redis.js";
import { films, openBroker } from "./libraries.js";
import { type BenchRabbitmq, benchRabbitmq, payload } from "./rabbitmq.js";

const queue = films("relayed");
type Store = ReturnType<typeof openStore>;

/** Throughput of the relay compared with `publishMany`, and the delay from the creation of a job to its handler. */
export const relaying: Suite = {
  name: "relay",
  measure: async (run) => {
    await using redis = await benchRedis();
    await using rabbitmq = await benchRabbitmq();
    await using store = openStore(redis);
    await using broker = openBroker(rabbitmq.url);
    await broker.stats(queue);
    return [await draining(run, { store, broker, rabbitmq }), await delays(run, { store, broker })];
  },
};

function openStore(redis: BenchRedis) {
  return createJobStore({ job: subtitleJob, driver: redisDriver({ url: redis.url }) });
}

interface Endpoints {
  readonly store: Store;
  readonly broker: Broker;
}

async function draining(
  { full }: Run,
  { store, broker, rabbitmq }: Endpoints & { readonly rabbitmq: BenchRabbitmq },
): Promise<Section> {
  const [rounds, count] = full ? [15, 10_000] : [5, 2_000];
  const published: number[] = [];
  const relayed: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    await rabbitmq.admin.purgeQueue(queue.name);
    const many = await perSecond(count, () => broker.publishMany(queue, Array(count).fill({ payload })));
    await rabbitmq.admin.purgeQueue(queue.name);
    await forEach(newIds(count), (id) => store.create(data, { id, outbox: [message(queue, payload)] }));
    const relay = await perSecond(count, () => relayAll(count, { store, broker }));
    // The first round is the warm-up.
    if (round === 0) continue;
    published.push(many);
    relayed.push(relay);
  }
  const row = (name: string, rates: readonly number[], operations: string) => [
    name,
    Math.round(quantile(rates, 0.5)).toLocaleString("en"),
    operations,
  ];
  return {
    title: "relay",
    about: `${count.toLocaleString("en")} messages of 600 bytes: relayed from an outbox in Redis, and published with \`publishMany\`.`,
    table: {
      head: ["", "messages/s", "operations"],
      rows: [
        row("relay", relayed, "reads, validates, publishes with confirms, acknowledges"),
        row("publishMany", published, "validates, publishes with confirms"),
      ],
    },
    ratios: [{ name: "relay / publishMany", value: ratios(relayed, published), wanted: { atLeast: 0.5 } }],
  };
}

async function relayAll(count: number, { store, broker }: Endpoints): Promise<void> {
  let acknowledged = 0;
  let finish = () => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const outbox = {
    read: store.outbox.read.bind(store.outbox),
    ack: async (entryIds: readonly string[]) => {
      await store.outbox.ack(entryIds);
      acknowledged += entryIds.length;
      if (acknowledged === count) finish();
    },
  };
  await using _relay = createRelay({ outbox, broker, queues: [queue] });
  await finished;
}

async function perSecond(count: number, work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (count / (performance.now() - start)) * 1000;
}

async function delays({ full }: Run, { store, broker }: Endpoints): Promise<Section> {
  let arrive = () => {};
  await using _consumer = await broker.consume(queue, async () => arrive());
  await broker.purge(queue);
  await using _relay = createRelay({ outbox: store.outbox, broker, queues: [queue] });
  const times: number[] = [];
  const [count, warmUp] = full ? [1_000, 100] : [200, 50];
  for (const [n, id] of newIds(count + warmUp).entries()) {
    const arrived = new Promise<void>((resolve) => {
      arrive = resolve;
    });
    const start = performance.now();
    await store.create(data, { id, outbox: [message(queue, payload)] });
    await arrived;
    if (n >= warmUp) times.push(performance.now() - start);
  }
  const ms = (share: number) => quantile(times, share).toFixed(1);
  return {
    title: "from create to handler",
    about: `Time from the call of \`create\` to the start of the handler, through the outbox, the relay and RabbitMQ. ${count} messages, one after another.`,
    table: { head: ["", "ms: p50", "p99"], rows: [["create → outbox → relay → queue → handler", ms(0.5), ms(0.99)]] },
    ratios: [],
  };
}
