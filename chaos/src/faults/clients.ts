import { type Fault, nothingToHeal } from "./fault.js";

/** Faults of the processes that use the packages. */
export const clientFaults: readonly Fault[] = [
  {
    kind: "client kill -9",
    weight: 3,
    holdMs: [0, 1_000],
    async inject({ clients }, random) {
      const client = random.pick(clients);
      await client.kill();
      return async () => client.follow();
    },
  },
  {
    kind: "client stopped",
    weight: 2,
    holdMs: [100, 4_000],
    async inject({ clients }, random) {
      const client = random.pick(clients);
      client.signal("SIGSTOP");
      return async () => client.signal("SIGCONT");
    },
  },
  {
    kind: "client ends and another begins",
    weight: 2,
    holdMs: [0, 500],
    async inject({ clients }, random) {
      const client = random.pick(clients);
      const wrong = await client.end(20_000);
      if (wrong !== null) throw new Error(wrong);
      client.follow();
      return nothingToHeal;
    },
  },
];
