import { render } from "preact";
import { openDashboard } from "./lib/app-info.js";
import { App } from "./views/app.js";

const root = document.getElementById("page");
if (root === null) throw new Error("The document has no element #page.");
render(<App />, root);
void openDashboard();
