import { useSignal } from "@preact/signals";
import { info, infoError, openDashboard } from "../lib/app-info.js";
import { needsToken, setToken, token } from "../lib/token.js";
import { Notice } from "../parts/notice.js";

/** Form for the token of the dashboard. */
export function TokenView() {
  const entered = useSignal("");
  const refused = token.value !== null;
  return (
    <main class="opening">
      <h1>Sign in</h1>
      <p class="muted">The dashboard needs a token. This tab keeps it until it is closed.</p>
      <form
        class="card form"
        onSubmit={(event) => {
          event.preventDefault();
          setToken(entered.value.trim());
          info.value = null;
          infoError.value = null;
          needsToken.value = false;
          void openDashboard();
        }}
      >
        {refused && <Notice kind="problem">The server refused this token.</Notice>}
        <label class="field">
          Token
          <input
            type="password"
            autoComplete="off"
            required
            value={entered.value}
            onInput={({ currentTarget }) => {
              entered.value = currentTarget.value;
            }}
          />
        </label>
        <footer>
          <button type="submit" class="button primary">
            Sign in
          </button>
        </footer>
      </form>
    </main>
  );
}
