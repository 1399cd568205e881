import { execSync } from "node:child_process";
import { expect, test } from "vitest";
import { startRabbitmq } from "./servers/rabbitmq.js";

test("x", async () => {
  const t = Date.now();
  const r = await startRabbitmq();
  console.log(r.url, Date.now() - t, r.pid);
  console.log(execSync("ps -eo pid,ppid,pgid,sid,args | grep -E 'epmd|beam|erl|watchdog' | cut -c1-150").toString());
  await r.restart();
  console.log(r.pid, Date.now() - t);
  await r.kill("SIGTERM");
  console.log("term", Date.now() - t);
  await r.restart();
  await r.stop();
  console.log(execSync("ps -eo pid,ppid,pgid,sid,args | grep -E 'epmd|beam|erl|watchdog' | cut -c1-150").toString());
  expect(1).toBe(1);
});
