import { useEffect, useLayoutEffect, useRef } from "/vendor/hooks.js";
import { announcement } from "../lib/announce.js";
import { useHealth } from "../lib/health.js";
import { html } from "../lib/html.js";
import { languages } from "../lib/languages.js";
import { place } from "../lib/router.js";
import { refused } from "../lib/token.js";
import { useValue } from "../lib/value.js";
import { Banner } from "../parts/banner.js";
import { Header } from "../parts/header.js";
import { focusHeading } from "../parts/heading.js";
import { LANGUAGE_LIST } from "../parts/languages.js";
import { JobView } from "./job-view.js";
import { JobsView } from "./jobs-view.js";
import { NewView } from "./new-view.js";
import { NotFoundView } from "./not-found-view.js";
import { ServiceView } from "./service-view.js";
import { SignInView } from "./sign-in-view.js";

/** Frame around every view. */
export function App() {
  const { path, query } = useValue(place);
  const locked = useValue(refused);
  const health = useHealth();
  useFocusOnArrival(locked ? "" : path);

  return html`
    <a class="skip-link" href="#main">Skip to the content</a>
    <${Header} path=${path} health=${health} />
    <${Banner} health=${health} />
    <main id="main" tabindex="-1">
      ${locked ? html`<${SignInView} />` : html`<${View} path=${path} query=${query} health=${health} />`}
    </main>
    <div class="hidden" role="status">${useValue(announcement)}</div>
    <datalist id=${LANGUAGE_LIST}>
      ${languages.map(({ tag, name }) => html`<option value=${tag}>${name}</option>`)}
    </datalist>
  `;
}

/** @param {{ path: string, query: URLSearchParams, health: import("../lib/health.js").Health }} props */
function View({ path, query, health }) {
  if (path === "/") return html`<${JobsView} query=${query} />`;
  if (path === "/new") return html`<${NewView} kind=${query.get("kind")} />`;
  if (path === "/service") return html`<${ServiceView} health=${health} />`;
  const id = /^\/jobs\/([^/]+)$/.exec(path)?.[1];
  return id ? html`<${JobView} key=${id} id=${decodeURIComponent(id)} />` : html`<${NotFoundView} />`;
}

/**
 * Moves the focus to the heading of a new view after a link, and scrolls to the top. When the page is loaded, the focus
 * is not changed.
 *
 * @param {string} path
 */
function useFocusOnArrival(path) {
  const before = useRef(path);
  const wentBack = useRef(false);
  useEffect(() => {
    const note = () => {
      wentBack.current = true;
    };
    addEventListener("popstate", note);
    return () => removeEventListener("popstate", note);
  }, []);
  useLayoutEffect(() => {
    if (before.current === path) return;
    before.current = path;
    focusHeading();
    // After "back", the browser scrolls to the earlier position.
    if (!wentBack.current) scrollTo(0, 0);
    wentBack.current = false;
  }, [path]);
}
