import { pathToFileURL } from "node:url";
import { createLog } from "@showcase/contracts";
import { expect, test } from "vitest";
import { createServer } from "../../src/api/server.js";
import { servePage } from "../../src/page.js";
import { startRig } from "../rig.js";

test.each(["/", "/new", "/service", "/jobs/some-id"])(
  "%s is the page, which only uses files of this server",
  async (path) => {
    const { get } = await startRig();
    const reply = await get(path);
    expect([reply.status, reply.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
    const html = await reply.text();
    const files = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file]) => file ?? "");
    expect(files).toContain("/page/main.js");
    for (const file of files) expect([file, (await get(file)).status]).toEqual([file, 200]);
    // A strict content security policy blocks scripts and styles inside the document.
    expect(html).not.toMatch(/<script(?![^>]*\ssrc=)|<style|\son\w+=|\sstyle=/);
  },
);

test.each(["preact.js", "hooks.js", "htm.js"])("/vendor/%s imports nothing by a package's name", async (file) => {
  const { get } = await startRig();
  const reply = await get(`/vendor/${file}`);
  expect(reply.headers.get("content-type")).toContain("text/javascript");
  expect(await reply.text()).not.toMatch(/(from|import)\s*\(?["'][^./]/);
});

test("files that are not part of the page are not served", async () => {
  const { get } = await startRig();
  for (const path of ["/page/tsconfig.json", "/page/", "/page/..%2fpackage.json", "/vendor/preact"]) {
    expect([path, (await get(path)).status]).toEqual([path, 404]);
  }
});

test("without the folder, the manager has no page, and everything else works", async () => {
  const server = createServer({ log: createLog("test", "silent") });
  await servePage(server, pathToFileURL("/no/such/folder/"));
  expect((await server.inject("/")).statusCode).toBe(404);
});
