// Builds the images of the templates and of the showcase, starts them, and runs one job from end to end through each set:
//
//   npm run images
//
// It uses Docker if it runs, as in the workflows. Otherwise it uses buildah and debootstrap of Debian, which need root and no container
// engine. The base image is then not the published one, but a Debian of the machine's own mirror with Node from npm.
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { cleanUpLater, forget } from "../../scripts/dev/clean-up.mjs";
import { withBuildah } from "./buildah.js";
import { withDocker } from "./docker.js";
import { services } from "./services.js";

const run = promisify(execFile);
const folder = await mkdtemp(join(tmpdir(), "subtitles-images-"));
cleanUpLater({ path: folder });
try {
  const copy = join(folder, "copy");
  await run("npm", ["run", "--silent", "copy", "--", "--showcase", copy], {
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
  });
  const docker = await run("docker", ["info"]).then(
    () => true,
    () => false,
  );
  for (const service of services) {
    const start = docker ? withDocker : withBuildah;
    await start({ service, copy, folder }, runJob);
    console.log(`${service.name}: one job ran through ${service.images.length} containers.`);
  }
} finally {
  await rm(folder, { recursive: true, force: true });
  forget({ path: folder });
}

/** Requests a translated subtitle, waits until it is completed, and reads its file. */
async function runJob(url: string): Promise<void> {
  const order = {
    videoUrl: "https://films.example/the-night-boat.mkv",
    videoTitle: "The Night Boat",
    language: "en",
    targetLanguage: "es",
  };
  const deadline = Date.now() + 120_000;
  const accepted = await untilOk(deadline, () =>
    fetch(`${url}/api/v1/jobs`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(order),
    }),
  );
  const { id } = (await accepted.json()) as { id: string };
  for (;;) {
    const reply = await untilOk(deadline, () => fetch(`${url}/api/v1/jobs/${id}`));
    const { status, error } = (await reply.json()) as { status: string; error: unknown };
    if (status === "completed") break;
    if (status === "failed") throw new Error(`The job has failed: ${JSON.stringify(error)}`);
    if (Date.now() > deadline) throw new Error(`The job is ${status} after two minutes.`);
    await pause(200);
  }
  const file = await untilOk(deadline, () => fetch(`${url}/api/v1/jobs/${id}/file`));
  if (!(await file.text()).includes("-->")) throw new Error("The file is not a subtitle.");
}

/** Repeats a request until its reply is ok: the services wait for their servers. */
async function untilOk(deadline: number, request: () => Promise<Response>): Promise<Response> {
  for (;;) {
    const reply = await request().catch((error: Error) => error);
    if (reply instanceof Response && reply.ok) return reply;
    const reason = reply instanceof Response ? `${reply.status} ${await reply.text()}` : reply.message;
    if (Date.now() > deadline) throw new Error(`The manager has not answered in time: ${reason}`);
    await pause(200);
  }
}
