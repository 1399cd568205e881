import { html } from "../lib/html.js";
import { Heading } from "../parts/heading.js";
import { UploadForm } from "../parts/upload-form.js";
import { VideoForm } from "../parts/video-form.js";

const kinds = [
  { href: "/new", kind: "video", label: "For a video", form: VideoForm },
  { href: "/new?kind=file", kind: "file", label: "From a subtitle file", form: UploadForm },
];

/** @param {{ kind: string | null }} props */
export function NewView({ kind }) {
  const chosen = kinds.find((one) => one.kind === kind) ?? kinds[0];
  return html`
    <${Heading} title="New job" />
    <nav class="tabs" aria-label="Where the subtitle comes from">
      <ul>
        ${kinds.map(
          (one) =>
            html`<li><a href=${one.href} aria-current=${one === chosen ? "page" : undefined}>${one.label}</a></li>`,
        )}
      </ul>
    </nav>
    <${chosen?.form} key=${chosen?.kind} />
  `;
}
