// What to do with an answer: copy, export, share, judge, ask again.
import { download, request } from "../api.js";
import { html, nothing, refresh } from "../html.js";
import { saveFile, toClipboard } from "../files.js";
import { again } from "./conversation.js";

const EXPORTS = [
  ["markdown", "Markdown"],
  ["bibtex", "BibTeX"],
  ["ris", "RIS"],
];

/** The row of actions under an answer. A turn of a stored answer, which belongs to no conversation, is `receipt`. */
export function actions(turn) {
  return html`
    <div class="actions" role="group" aria-label="Answer">
      <button class="quiet" @click=${() => copy(turn)}>Copy with references</button>
      <button class="quiet" @click=${() => share(turn)}>Copy link</button>
      ${turn.receipt ? nothing : html`<button class="quiet" @click=${() => again(turn)}>Ask again</button>`}
      <details class="menu">
        <summary class="quiet">Export</summary>
        <div class="choices">
          ${EXPORTS.map(([format, name]) => html`<button class="quiet" @click=${() => save(turn, format)}>${name}</button>`)}
        </div>
      </details>
      <span class="judge">
        <button class="quiet" aria-pressed=${pressed(turn, "good")} @click=${() => judge(turn, "good")}>Good</button>
        <button class="quiet" aria-pressed=${pressed(turn, "bad")} @click=${() => judge(turn, "bad")}>Bad</button>
      </span>
      <span class="fine" role="status">${turn.told || ""}</span>
    </div>
    ${turn.verdict ? comment(turn) : nothing}
  `;
}

function comment(turn) {
  return html`
    <form class="comment" @submit=${(event) => send(event, turn)}>
      <label class="field"><span>What was ${turn.verdict === "good" ? "good" : "wrong"}? (optional)</span>
        <textarea name="comment" rows="2" maxlength="4000"></textarea>
      </label>
      <button class="button">Send</button>
    </form>
  `;
}

const pressed = (turn, verdict) => (turn.verdict === verdict ? "true" : "false");

async function copy(turn) {
  await attempt(turn, async () => {
    const { text } = await download(`/v1/answers/${turn.answer.id}/references?format=markdown`);
    await toClipboard(text);
    return "Copied.";
  });
}

async function share(turn) {
  await attempt(turn, async () => {
    await toClipboard(new URL(`/answers/${turn.answer.id}`, location.href).href);
    return "Link copied.";
  });
}

async function save(turn, format) {
  await attempt(turn, async () => {
    saveFile(await download(`/v1/answers/${turn.answer.id}/references?format=${format}`));
    return "Saved.";
  });
}

async function judge(turn, verdict) {
  await attempt(turn, async () => {
    await request("POST", `/v1/answers/${turn.answer.id}/feedback`, { body: { verdict } });
    turn.verdict = verdict;
    return "Thank you.";
  });
}

async function send(event, turn) {
  event.preventDefault();
  const body = { verdict: turn.verdict, comment: new FormData(event.target).get("comment") };
  await attempt(turn, async () => {
    await request("POST", `/v1/answers/${turn.answer.id}/feedback`, { body });
    turn.verdict = null;
    return "Thank you. Your comment is kept with the answer.";
  });
}

async function attempt(turn, action) {
  try {
    turn.told = await action();
  } catch (error) {
    turn.told = error.message;
  }
  refresh();
}
