import { useRef } from "/vendor/hooks.js";
import { submitJob } from "../lib/api.js";
import { html } from "../lib/html.js";
import { languageTag } from "../lib/languages.js";
import { useForm } from "../lib/use-form.js";
import { Field } from "./field.js";
import { JobForm } from "./job-form.js";
import { LANGUAGE_LIST } from "./languages.js";

/** Form that requests the subtitle of a video. */
export function VideoForm() {
  const keyFor = useRequestKey();
  const form = useForm(
    { videoUrl: "", videoTitle: "", language: "", targetLanguage: "" },
    {
      required: ["videoUrl", "videoTitle", "language"],
      send({ videoUrl, videoTitle, language, targetLanguage }) {
        const target = languageTag(targetLanguage) || null;
        const order = { videoUrl, videoTitle, language: languageTag(language), targetLanguage: target };
        return submitJob(order, keyFor(order));
      },
    },
  );
  const field = fieldsOf(form);
  return html`
    <${JobForm} form=${form} action="Find the subtitle">
      <${Field} label="Video" hint="Its address, or its path on the media server." ...${field("videoUrl")} placeholder="https://… or /media/…" />
      <${Field} label="Title" hint="The usual title, with the year if you know it." ...${field("videoTitle")} />
      <div class="field-pair">
        <${Field} label="Language" hint="Of the subtitle to find." list=${LANGUAGE_LIST} ...${field("language")} />
        <${Field} label="Translate into" hint="Optional." list=${LANGUAGE_LIST} ...${field("targetLanguage")} />
      </div>
    <//>
  `;
}

/**
 * Returns the properties of a field, for a form whose values are texts.
 *
 * @template {Record<string, unknown>} V
 * @param {import("../lib/use-form.js").Form<V>} form
 */
export function fieldsOf({ values, errors, change }) {
  return (/** @type {keyof V & string} */ name) => ({
    name,
    value: values[name],
    error: errors[name],
    autocomplete: "off",
    onInput: (/** @type {V[typeof name]} */ value) => change(name, value),
  });
}

/** Returns a key that is the same for the same request. So a repetition after a lost response creates no second job. */
function useRequestKey() {
  const last = useRef({ order: "", key: "" });
  return (/** @type {unknown} */ value) => {
    const order = JSON.stringify(value);
    if (last.current.order !== order) {
      const random = crypto.getRandomValues(new Uint32Array(4));
      last.current = { order, key: `page-${[...random].map((part) => part.toString(36)).join("-")}` };
    }
    return last.current.key;
  };
}
