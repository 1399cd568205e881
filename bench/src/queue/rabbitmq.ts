import { type ConfirmChannel, connect } from "amqplib";
import { startRabbitmq } from "../../../test/servers/rabbitmq.js";
import { pin } from "../harness/cores.js";
import { cpuOf } from "../harness/cpu.js";

/** Private RabbitMQ of a suite, with its CPU time. */
export interface BenchRabbitmq extends AsyncDisposable {
  readonly url: string;
  /** Channel to prepare queues. Its use is not measured. */
  readonly admin: ConfirmChannel;
  /** Returns the CPU time of the server in ms. */
  cpu(): Promise<number>;
  /** Replaces the messages of a queue with `count` new ones. */
  fill(queue: string, count: number): Promise<void>;
}

export async function benchRabbitmq(): Promise<BenchRabbitmq> {
  const server = await startRabbitmq();
  pin(server.pid, "server");
  const connection = await connect(server.url, { noDelay: true });
  const admin = await connection.createConfirmChannel();
  return {
    url: server.url,
    admin,
    cpu: () => cpuOf(server.pid),
    async fill(queue, count) {
      await admin.purgeQueue(queue);
      for (let n = 0; n < count; n++) {
        admin.sendToQueue(queue, content, { persistent: true, messageId: messageId(n) });
        if (n % 1_000 === 999) await admin.waitForConfirms();
      }
      await admin.waitForConfirms();
    },
    [Symbol.asyncDispose]: async () => {
      await connection.close();
      await server.stop();
    },
  };
}

/** Payload of every message: 600 bytes of JSON. */
export const payload = { film: "A film", text: "x".repeat(600 - JSON.stringify({ film: "A film", text: "" }).length) };
const content = Buffer.from(JSON.stringify(payload));

/** Returns an id of 36 characters, the length of a UUID. */
export function messageId(n: number): string {
  return `${n}`.padStart(36, "0");
}
