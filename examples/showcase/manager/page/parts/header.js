import { html } from "../lib/html.js";
import { connection } from "../lib/live.js";
import { refused, signOut, token } from "../lib/token.js";
import { useValue } from "../lib/value.js";

const pages = [
  { href: "/", label: "Jobs" },
  { href: "/new", label: "New job" },
  { href: "/service", label: "Service" },
];

/** @param {{ path: string, health: import("../lib/health.js").Health }} props */
export function Header({ path, health }) {
  const signedIn = useValue(token) !== null && !useValue(refused);
  return html`
    <header class="header">
      <a class="brand" href="/"><img src="/page/icon.svg" alt="" width="24" height="24" />Subtitles</a>
      <nav aria-label="Pages">
        <ul>
          ${pages.map(
            ({ href, label }) =>
              html`<li><a href=${href} aria-current=${href === path ? "page" : undefined}>${label}</a></li>`,
          )}
        </ul>
      </nav>
      <div class="header-end">
        <${LivePill} />
        <a class="pill pill-${health.level}" href="/service"><span class="hidden">Service: </span>${health.summary}</a>
        ${signedIn && html`<button type="button" class="button button-quiet" onClick=${signOut}>Sign out</button>`}
      </div>
    </header>
  `;
}

const words = { connecting: "Connecting", live: "Live", waiting: "Not live", refused: "Not live" };

function LivePill() {
  const { state } = useValue(connection);
  return html`<span class="pill pill-${state === "live" ? "good" : "unknown"}">${words[state]}</span>`;
}
