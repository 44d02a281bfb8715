// Asks for a key where the service needs one. It is kept for this tab alone.
import { askForKeyWith, keepKey } from "./api.js";
import { html, nothing, refresh } from "./html.js";

const key = { asked: false, refused: false };

/** Begin to listen for refusals. */
export function listen() {
  askForKeyWith((hadKey) => {
    Object.assign(key, { asked: true, refused: hadKey });
    refresh();
  });
}

export const isAsked = () => key.asked;

/** The form; with a key the page is loaded again. */
export function view() {
  return html`
    <main id="main" class="key">
      <form @submit=${submit}>
        <h1>Scholiast</h1>
        <label class="field"><span>Your key</span>
          <input name="key" type="password" autocomplete="off" required aria-describedby="key-help" />
        </label>
        <p class="fine" id="key-help">
          Whoever runs this service gives it to you. It stays in this tab, and is forgotten when you close it.
        </p>
        ${key.refused ? html`<p class="problem" role="alert">The service does not know this key.</p>` : nothing}
        <button class="button">Open</button>
      </form>
    </main>
  `;
}

function submit(event) {
  event.preventDefault();
  keepKey(new FormData(event.target).get("key").trim());
  location.reload();
}
