import { useState } from "/vendor/hooks.js";
import { html } from "../lib/html.js";
import { signIn, token } from "../lib/token.js";
import { Field } from "../parts/field.js";
import { Heading } from "../parts/heading.js";

/** Asks for the token of the API. */
export function SignInView() {
  const [text, setText] = useState("");
  const [missing, setMissing] = useState(false);
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    setMissing(text.trim() === "");
    if (text.trim() !== "") signIn(text.trim());
  };
  const refusedBefore = token.current !== null ? "The service does not accept this token." : undefined;
  return html`
    <form class="form" onSubmit=${submit} novalidate>
      <${Heading} title="Sign in" />
      <p>This service asks for a token. You have received it from the operator.</p>
      <${Field}
        name="token"
        label="Token"
        type="password"
        autocomplete="off"
        hint="Kept in this tab until you close it."
        value=${text}
        error=${missing ? "Please fill this in." : refusedBefore}
        onInput=${setText}
      />
      <div class="buttons"><button class="button button-main">Sign in</button></div>
    </form>
  `;
}
