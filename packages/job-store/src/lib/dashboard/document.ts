import { createHash } from "node:crypto";
import { script, style } from "dashboard-page";
import { DashboardError, reply } from "./reply.js";

interface Asset {
  readonly text: string;
  readonly type: string;
}

const ASSETS: ReadonlyMap<string, Asset> = new Map([
  ["js", { text: script, type: "text/javascript; charset=utf-8" }],
  ["css", { text: style, type: "text/css; charset=utf-8" }],
]);

/** Names of the assets with a hash of their content, so that browsers can store them permanently. */
const NAMES = new Map(Array.from(ASSETS, ([ending, { text }]) => [ending, `page.${hashOf(text)}.${ending}`]));

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("base64url").slice(0, 16);
}

/** Returns the document of the page. Its addresses have no path, so it works under every one. */
export function documentReply(title: string): Response {
  const html = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>${escapeHtml(title)}</title>
    <link rel="stylesheet" href="?asset=${NAMES.get("css")}">
    <script type="module" src="?asset=${NAMES.get("js")}"></script>
  </head>
  <body>
    <div id="page"></div>
    <noscript>This page needs JavaScript.</noscript>
  </body>
</html>
`;
  return reply(html, { "content-type": "text/html; charset=utf-8" });
}

/** Returns a file of the page. During a deployment, the name can have the hash of another version: it then gets the present content. */
export function assetReply(name: string): Response {
  const ending = /\.(\w+)$/.exec(name)?.[1] ?? "";
  const asset = ASSETS.get(ending);
  if (asset === undefined) throw new DashboardError(404, "NOT_FOUND", "The page has no such file.");
  const isCurrent = NAMES.get(ending) === name;
  return reply(asset.text, {
    "content-type": asset.type,
    ...(isCurrent && { "cache-control": "public, max-age=31536000, immutable" }),
  });
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
