import { aborted, stopSignal } from "@showcase/contracts";
import { createBoard } from "./board.js";
import { createClient } from "./client.js";
import { follow } from "./follow.js";
import { startInProcess } from "./in-process.js";
import { orders, templateOrders } from "./orders.js";
import { startProcesses, startTemplates } from "./processes.js";
import { templateReport, timeline, translationReport } from "./report.js";

const { REDIS_URL: redisUrl, RABBITMQ_URL: rabbitmqUrl } = process.env;
if (Boolean(redisUrl) !== Boolean(rabbitmqUrl)) {
  console.error("Set both REDIS_URL and RABBITMQ_URL for the demo on real servers, or neither for the one in memory.");
  process.exit(1);
}

const servers = redisUrl && rabbitmqUrl ? { redisUrl, rabbitmqUrl } : null;
const isShowcase = process.argv.includes("--showcase");
const keep = process.argv.includes("--keep");
const stop = stopSignal();
const board = createBoard(process.stdout);
stop.addEventListener("abort", () => board.say("Stopping, and removing the data of the demo"));
try {
  await using system = await start();
  board.say(`Manager, downloader and translator run (${system.about}). The manager answers at ${system.url}\n`);

  const client = createClient(system.url, stop);
  const followed = await follow(client, isShowcase ? orders : templateOrders, board, stop);

  const [downloaded, translated] = followed.map(({ job }) => job);
  if (downloaded?.status === "completed" && translated?.status === "completed") {
    const report = isShowcase ? translationReport : templateReport;
    console.log(report(translated, await client.file(downloaded), await client.file(translated)));
  }
  for (const { order, job } of followed) console.log(timeline(order.label, job));

  const complaints = followed.flatMap(({ order, job }) => {
    const complaint = order.check(job);
    return complaint ? [`${order.label}: ${complaint}`] : [];
  });
  if (complaints.length === 0) {
    console.log("\nAll jobs ended as expected: completed, completed, failed with its reason.");
  } else {
    console.error(["", ...complaints, await system.log()].join("\n"));
    process.exitCode = 1;
  }
  if (keep) {
    const places = isShowcase
      ? `The page is at ${system.url}/ and the API at ${system.url}/docs`
      : `The jobs are at ${system.url}/api/v1/jobs`;
    board.say(`\nStill running. ${places}; Ctrl-C ends it.`);
    await aborted(stop);
  }
} catch (error) {
  if (!stop.aborted) throw error;
  process.exitCode = 130;
}

function start() {
  if (!isShowcase) return startTemplates({ ...servers, say: board.say, stop });
  return servers ? startProcesses({ ...servers, say: board.say, stop }) : startInProcess();
}
