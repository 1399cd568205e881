import type { BatchObservableCallback, Meter, ObservableGauge } from "@opentelemetry/api";
import type { Broker } from "../broker.js";
import type { QueueDefinition } from "../definition.js";

const STATES = ["ready", "unacked", "delayed", "dead"] as const;

/** How many messages stand where, asked at each export. What cannot be asked just now is left out of that export. */
export class Gauges {
  readonly #meter: Meter;
  readonly #messages: ObservableGauge;
  readonly #callback: BatchObservableCallback;

  constructor(meter: Meter, broker: Broker, queues: readonly QueueDefinition[]) {
    this.#meter = meter;
    this.#messages = meter.createObservableGauge("subtitles.queue.messages", {
      unit: "{message}",
      description: "Messages of a queue in a state.",
    });
    this.#callback = async (result) => {
      const ask = async (queue: QueueDefinition) => {
        const stats = await broker.stats(queue);
        for (const state of STATES) {
          const count = stats[state];
          // RabbitMQ does not tell of all of them.
          if (count === null) continue;
          const attributes = { "messaging.destination.name": queue.name, "subtitles.message.state": state };
          result.observe(this.#messages, count, attributes);
        }
      };
      await Promise.allSettled(queues.map(ask));
    };
    if (queues.length > 0) meter.addBatchObservableCallback(this.#callback, [this.#messages]);
  }

  stop(): void {
    this.#meter.removeBatchObservableCallback(this.#callback, [this.#messages]);
  }
}
