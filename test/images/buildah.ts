import { execFile } from "node:child_process";
import { cp, mkdir, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { installPackages, mayInstall } from "../servers/install.js";
import { spawnOwn } from "../servers/own-process.js";
import { freePorts } from "../servers/ports.js";
import { startRabbitmq } from "../servers/rabbitmq.js";
import { startRedis } from "../servers/redis.js";
import type { Service, Setting } from "./services.js";

/** Image that the Dockerfiles name. */
const BASE = "docker.io/library/node:24-slim";
/** Certificates of the machine, if it has its own. The base image gets them, so that npm reaches the registry from there. */
const CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt";

/** Builds and starts the images in chroots, with Redis and RabbitMQ of this machine, and stops them after `use`. */
export async function withBuildah(setting: Setting, use: (url: string) => Promise<void>): Promise<void> {
  const { service, copy, folder } = setting;
  if (!mayInstall()) throw new Error("Without Docker, the images can be built only as root on Debian or Ubuntu.");
  await installPackages(["buildah", "debootstrap"]);
  const buildah = tool(folder);
  if ((await buildah("images", "--quiet", "--filter", `reference=${BASE}`)) === "") await buildBase(folder, buildah);
  for (const dockerfile of new Set(service.images.map((image) => image.dockerfile))) {
    const options = ["--isolation", "chroot", "--pull-never", "--tag", tagOf(dockerfile)];
    await buildah("bud", ...options, "--file", join(copy, dockerfile), copy);
  }

  await using redis = await startRedis();
  await using rabbitmq = await startRabbitmq();
  const [port = 0] = await freePorts(1);
  const storage = join(folder, `files-${service.name}`);
  await mkdir(storage, { mode: 0o777, recursive: true });
  // mkdir applies the umask, and the apps run as another user.
  await promisify(execFile)("chmod", ["777", storage]);
  const apps = await Promise.all(service.images.map(start));
  try {
    await use(`http://127.0.0.1:${port}`);
  } catch (error) {
    throw new Error(`${error}\n${apps.map((app) => app.output()).join("\n")}`);
  } finally {
    for (const app of apps) app.signal("SIGTERM");
    await Promise.all(apps.map((app) => app.ended));
  }

  async function start({ dockerfile, args, env }: Service["images"][number]) {
    const container = await buildah("from", "--pull-never", tagOf(dockerfile));
    const image = JSON.parse(await buildah("inspect", "--type", "image", tagOf(dockerfile)));
    const { Entrypoint = [], Cmd = [], User = "", WorkingDir = "/" } = image.OCIv1.config;
    const all = {
      ...env,
      REDIS_URL: redis.url,
      RABBITMQ_URL: rabbitmq.url,
      PORT: `${port}`,
      API_PORT: `${port}`,
      DOWNLOAD_BASE_URL: `http://127.0.0.1:${port}`,
    };
    const options = ["--isolation", "chroot", "--user", User, "--workingdir", WorkingDir];
    const variables = Object.entries(all).flatMap(([name, value]) => ["--env", `${name}=${value}`]);
    const command = [...Entrypoint, ...(args.length > 0 ? args : Cmd)];
    const volume = ["--volume", `${storage}:${service.storage}`];
    return spawnOwn(
      "buildah",
      [...stores(folder), "run", ...options, ...variables, ...volume, container, "--", ...command],
      {},
    );
  }
}

/** Builds the base image: Debian of the machine's own mirror, with the Node and the npm of this process. */
async function buildBase(folder: string, buildah: ReturnType<typeof tool>): Promise<void> {
  const run = promisify(execFile);
  const base = join(folder, "base");
  const targets = await run("apt-get", ["indextargets", "--format", "$(REPO_URI) $(RELEASE)", "Created-By: Packages"]);
  const [mirror = "", release = ""] = targets.stdout.split("\n")[0]?.split(" ") ?? [];
  await run("debootstrap", ["--variant=minbase", "--include=ca-certificates", release, base, mirror], {
    maxBuffer: 64 * 2 ** 20,
  });
  await cp(process.execPath, join(base, "usr/local/bin/node"));
  // npm names its own program in this variable for the scripts that it runs.
  const npm = dirname(dirname(process.env.npm_execpath ?? ""));
  await cp(npm, join(base, "usr/local/lib/node_modules/npm"), { recursive: true, dereference: true });
  await symlink("../lib/node_modules/npm/bin/npm-cli.js", join(base, "usr/local/bin/npm"));
  await cp(CERTIFICATES, join(base, CERTIFICATES));
  await run("chroot", [base, "useradd", "--uid", "1000", "--create-home", "node"]);
  const container = await buildah("from", "scratch");
  await buildah("add", container, base, "/");
  await buildah("config", "--env", `NODE_EXTRA_CA_CERTS=${CERTIFICATES}`, container);
  await buildah("commit", "--rm", container, BASE);
}

/** Returns a function that runs buildah with its storage in the temporary folder, and returns its output. */
function tool(folder: string) {
  return async (...args: readonly string[]): Promise<string> => {
    const options = { maxBuffer: 64 * 2 ** 20 };
    const { stdout } = await promisify(execFile)("buildah", [...stores(folder), ...args], options);
    return stdout.trim();
  };
}

function stores(folder: string): readonly string[] {
  return ["--root", join(folder, "storage"), "--runroot", join(folder, "run"), "--storage-driver", "vfs"];
}

function tagOf(dockerfile: string): string {
  return `subtitles-${dirname(dockerfile).replaceAll(/[^a-z]+/g, "-")}`.replace(/-+$/, "");
}
