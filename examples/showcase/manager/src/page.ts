import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import fastifyStatic from "@fastify/static";
import type { Server } from "./api/typed-server.js";

const pageFolder = new URL("../page/", import.meta.url);

/** Libraries that the page loads, by their name under `/vendor`. Browsers do not resolve the names of packages. */
const libraries = {
  "preact.js": "preact",
  "hooks.js": "preact/hooks",
  "htm.js": "htm",
};

/** Serves the web page if its folder exists. The page is a client of the API like any other, and consists of plain files. */
export async function servePage(server: Server, folder = pageFolder): Promise<void> {
  const root = fileURLToPath(folder);
  if (!existsSync(root)) return;
  await server.register(fastifyStatic, {
    root,
    prefix: "/page/",
    index: false,
    decorateReply: false,
    schemaHide: true,
    allowedPath: (path) => /\.(js|css|svg)$/.test(path),
  });

  const index = await readFile(new URL("index.html", folder), "utf8");
  for (const path of ["/", "/new", "/service", "/jobs/:id"]) {
    server.get(path, { schema: { hide: true } }, (_request, reply) =>
      reply.type("text/html; charset=utf-8").header("cache-control", "no-cache").send(index),
    );
  }
  for (const [name, specifier] of Object.entries(libraries)) {
    const source = await readFile(new URL(import.meta.resolve(specifier)), "utf8");
    // Package that these libraries import, as an address.
    const resolved = source.replaceAll('from"preact"', 'from"./preact.js"');
    server.get(`/vendor/${name}`, { schema: { hide: true } }, (_request, reply) =>
      reply.type("text/javascript; charset=utf-8").header("cache-control", "no-cache").send(resolved),
    );
  }
}
