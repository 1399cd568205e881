import { render } from "/vendor/preact.js";
import { html } from "./lib/html.js";
import { startLive } from "./lib/live.js";
import { followLinks } from "./lib/router.js";
import { App } from "./views/app.js";

const root = document.getElementById("app");
if (root) render(html`<${App} />`, root);
followLinks();
void startLive();
