import { useEffect, useState } from "/vendor/hooks.js";
import { announce } from "./announce.js";
import { ApiError } from "./request.js";
import { go } from "./router.js";

/**
 * @template {Record<string, unknown>} V
 * @typedef {object} Form
 * @property {V} values
 * @property {<K extends keyof V>(name: K, value: V[K]) => void} change
 * @property {Partial<Record<keyof V, string>>} errors errors by field
 * @property {string | null} problem error that concerns no field
 * @property {boolean} sending
 * @property {(event: Event) => void} submit
 */

const outcomes = {
  created: "The job is accepted.",
  existing: "This job exists already.",
  restarted: "This job had failed. It is tried again.",
};

/**
 * Returns a form that creates a job. Errors of the API are shown at their field. After success, the job is shown.
 *
 * @template {Record<string, unknown>} V
 * @param {V} empty
 * @param {object} options
 * @param {readonly (keyof V & string)[]} options.required
 * @param {(values: V) => Promise<import("./api.js").Submitted>} options.send
 * @param {(error: ApiError) => keyof V & string | null} [options.fieldOf] returns the field of an error that names none
 * @returns {Form<V>}
 */
export function useForm(empty, { required, send, fieldOf = () => null }) {
  const [values, setValues] = useState(empty);
  const [errors, setErrors] = useState(/** @type {Partial<Record<keyof V, string>>} */ ({}));
  const [problem, setProblem] = useState(/** @type {string | null} */ (null));
  const [sending, setSending] = useState(false);

  useEffect(() => {
    const [first] = document.querySelectorAll('[aria-invalid="true"]');
    if (first instanceof HTMLElement) first.focus();
  }, [errors]);

  async function submit(/** @type {Event} */ event) {
    event.preventDefault();
    if (sending) return;
    setProblem(null);
    const missing = required.filter((name) => !values[name]);
    setErrors(errorsOf(missing.map((name) => [name, "Please fill this in."])));
    if (missing.length > 0) return;
    setSending(true);
    try {
      const { id, outcome } = await send(values);
      announce(outcomes[outcome]);
      go(`/jobs/${encodeURIComponent(id)}`);
    } catch (error) {
      setSending(false);
      show(error);
    }
  }

  /** @param {unknown} error */
  function show(error) {
    if (!(error instanceof ApiError)) {
      setProblem(String(error));
      return;
    }
    const field = fieldOf(error);
    const all = field ? [{ field, message: error.message }] : error.errors;
    // The API names fields with their path, such as `preferredSources.0`.
    const known = all
      .map(({ field, message }) => ({ name: field.split(".")[0] ?? "", message }))
      .filter(({ name }) => name in values);
    setErrors(errorsOf(known.map(({ name, message }) => [name, sentence(message)])));
    if (known.length < all.length || all.length === 0) setProblem(error.message);
  }

  return {
    values,
    errors,
    problem,
    sending,
    submit,
    change: (name, value) => {
      setValues((now) => ({ ...now, [name]: value }));
      setErrors(({ [name]: _mended, ...others }) => /** @type {Partial<Record<keyof V, string>>} */ (others));
    },
  };
}

/**
 * @template {Record<string, unknown>} V
 * @param {readonly (readonly [name: string, message: string])[]} entries of fields of the form
 */
const errorsOf = (entries) => /** @type {Partial<Record<keyof V, string>>} */ (Object.fromEntries(entries));

/** @param {string} message such as "must not be empty" */
function sentence(message) {
  const text = message.startsWith("must ") ? `This ${message}` : message;
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
