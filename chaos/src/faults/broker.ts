import { retry } from "../retry.js";
import type { Fault } from "./fault.js";

/** Faults of RabbitMQ itself. Each takes seconds, because RabbitMQ takes seconds to restart. */
export const brokerFaults: readonly Fault[] = [
  {
    kind: "broker kill -9",
    weight: 2,
    holdMs: [0, 2_000],
    async inject({ broker }) {
      await broker.kill();
      return () => broker.restart();
    },
  },
  {
    kind: "broker stopped",
    weight: 3,
    holdMs: [500, 6_000],
    async inject({ broker }) {
      await broker.kill("SIGSTOP");
      return () => broker.kill("SIGCONT");
    },
  },
  {
    kind: "broker out of memory (alarm)",
    weight: 1,
    holdMs: [500, 4_000],
    async inject({ broker }) {
      await broker.control("set_vm_memory_high_watermark", "absolute", "1");
      return async () => void (await retry(() => broker.control("set_vm_memory_high_watermark", "0.4")));
    },
  },
];
