import { readFile } from "node:fs/promises";
import { type ConfirmChannel, connect } from "amqplib";
import { startRabbitmq } from "../../../test/servers/rabbitmq.js";
import { pin } from "../frame/cores.js";

/** A RabbitMQ of a suite's own, and what it has used of its core. */
export interface BenchRabbitmq extends AsyncDisposable {
  readonly url: string;
  /** For what is not measured. */
  readonly admin: ConfirmChannel;
  /** CPU time in ms. */
  cpu(): Promise<number>;
  /** Removes what is in a queue, and puts `count` messages there. */
  fill(queue: string, count: number): Promise<void>;
}

/** What the kernel counts CPU time in, on every Linux that Node runs on. */
const TICK_MS = 10;

export async function benchRabbitmq(): Promise<BenchRabbitmq> {
  const server = await startRabbitmq();
  pin(server.pid, "server");
  const connection = await connect(server.url, { noDelay: true });
  const admin = await connection.createConfirmChannel();
  return {
    url: server.url,
    admin,
    async cpu() {
      const fields = (await readFile(`/proc/${server.pid}/stat`, "utf8")).split(") ")[1]?.split(" ") ?? [];
      return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
    },
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

/** 600 bytes of JSON. */
export const payload = { film: "A film", text: "x".repeat(600 - JSON.stringify({ film: "A film", text: "" }).length) };
const content = Buffer.from(JSON.stringify(payload));

/** 36 characters, as a UUID has. */
export function messageId(n: number): string {
  return `${n}`.padStart(36, "0");
}
