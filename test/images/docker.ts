import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Setting } from "./services.js";

const run = promisify(execFile);

/** Starts the services of the compose file, and stops them after `use`. */
export async function withDocker({ service, copy }: Setting, use: (url: string) => Promise<void>): Promise<void> {
  const options = { cwd: join(copy, service.composeFolder), maxBuffer: 64 * 2 ** 20 };
  try {
    await run("docker", ["compose", "up", "--build", "--detach"], options);
    await use("http://127.0.0.1:3000");
  } catch (error) {
    const { stdout } = await run("docker", ["compose", "logs", "--tail", "50"], options);
    throw new Error(`${error}\n${stdout}`);
  } finally {
    await run("docker", ["compose", "down", "--volumes"], options);
  }
}
