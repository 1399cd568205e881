import { type Fault, nothingToHeal } from "./fault.js";

/** Faults of the client processes. */
export const clientFaults: readonly Fault[] = [
  {
    kind: "client kill -9",
    weight: 3,
    holdMs: [0, 1_000],
    async inject({ clients }, random) {
      const client = random.pick(clients);
      await client.kill();
      return async () => client.startNext();
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
    kind: "client restarted",
    weight: 2,
    holdMs: [0, 500],
    async inject({ clients }, random) {
      const client = random.pick(clients);
      const problem = await client.end(20_000);
      if (problem !== null) throw new Error(problem);
      client.startNext();
      return nothingToHeal;
    },
  },
];
