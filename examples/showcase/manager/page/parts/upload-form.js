import { uploadSubtitle } from "../lib/api.js";
import { html } from "../lib/html.js";
import { languageTag } from "../lib/languages.js";
import { useForm } from "../lib/use-form.js";
import { describedBy, Field, Labelled } from "./field.js";
import { JobForm } from "./job-form.js";
import { LANGUAGE_LIST } from "./languages.js";
import { fieldsOf } from "./video-form.js";

const HINT = "SubRip (.srt) or WebVTT (.vtt), up to 2 MiB.";
const aboutTheFile = ["TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE", "UNREADABLE_SUBTITLE"];

/** Form that uploads a subtitle for translation. */
export function UploadForm() {
  const form = useForm(
    { file: /** @type {File | null} */ (null), videoTitle: "", language: "", targetLanguage: "" },
    {
      required: ["file", "videoTitle", "language", "targetLanguage"],
      send({ file, videoTitle, language, targetLanguage }) {
        if (!file) throw new Error("No file was chosen.");
        const tags = { language: languageTag(language), targetLanguage: languageTag(targetLanguage) };
        return uploadSubtitle(file, { videoTitle, ...tags });
      },
      fieldOf: ({ code }) => (aboutTheFile.includes(code) ? "file" : null),
    },
  );
  const choose = (/** @type {{ currentTarget: HTMLInputElement }} */ { currentTarget: { files } }) => {
    const file = files?.[0] ?? null;
    form.change("file", file);
    if (file && form.values.videoTitle === "") form.change("videoTitle", titleOf(file.name));
  };
  const field = fieldsOf(form);
  return html`
    <${JobForm} form=${form} action="Upload and translate">
      <${Labelled} name="file" label="File" hint=${HINT} error=${form.errors.file}>
        <input type="file" accept=".srt,.vtt" onChange=${choose} ...${describedBy("file", { hint: HINT, error: form.errors.file })} />
      <//>
      <${Field} label="Title" ...${field("videoTitle")} />
      <div class="field-pair">
        <${Field} label="Language" hint="That the file is in." list=${LANGUAGE_LIST} ...${field("language")} />
        <${Field} label="Translate into" list=${LANGUAGE_LIST} ...${field("targetLanguage")} />
      </div>
    <//>
  `;
}

/** @param {string} fileName such as `The.Last.Ferry.2021.en.srt` */
function titleOf(fileName) {
  return fileName
    .replace(/(\.[a-z]{2,3}(-[a-z]{2,4})?)?\.(srt|vtt)$/i, "")
    .replaceAll(/[._]+/g, " ")
    .trim();
}
