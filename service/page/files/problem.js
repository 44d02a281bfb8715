// A failure, as the reader is told of it.
import { html, nothing } from "./html.js";

/** Nothing, for no problem; `retry` is what a button does, if there is anything to do. */
export function problem(error, retry) {
  if (!error) return nothing;
  return html`
    <div class="problem" role="alert">
      <p><strong>${error.title || "Something went wrong"}.</strong> ${error.detail ?? error.message}</p>
      ${retry ? html`<button class="button" @click=${retry}>Try again</button>` : nothing}
    </div>
  `;
}
