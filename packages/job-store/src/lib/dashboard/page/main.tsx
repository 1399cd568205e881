import { render } from "preact";
import type { Calls } from "../protocol.js";

const response = await fetch("?call=open", {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: "{}",
});
const info: Calls["open"]["reply"] = await response.json();
const main = document.querySelector("#page");
if (main !== null) render(<h1>{info.title}</h1>, main);
