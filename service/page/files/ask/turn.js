// One question with its answer, or with why there is none.
import { html, nothing, refresh } from "../html.js";
import { problem } from "../problem.js";
import { view as answer } from "./answer.js";
import { again } from "./conversation.js";

const editing = { turn: null };

/** A turn of a conversation. */
export function view(turn) {
  return html`
    <article class="turn" aria-label="Question and answer">
      ${editing.turn === turn ? editor(turn) : question(turn)}
      ${turn.state === "failed" ? problem(turn.problem, () => again(turn)) : answer(turn)}
      ${turn.state === "stopped" ? stopped(turn) : nothing}
    </article>
  `;
}

function question(turn) {
  const isWritten = ["waiting", "writing"].includes(turn.state);
  return html`
    <header class="question">
      <h2 dir="auto">${turn.question}</h2>
      ${turn.receipt || isWritten
        ? nothing
        : html`<button class="quiet" @click=${() => edit(turn)} aria-label="Change the question: ${turn.question}">Change</button>`}
    </header>
  `;
}

function editor(turn) {
  return html`
    <form class="question" @submit=${(event) => submit(event, turn)}>
      <label class="field"><span>Change the question; what follows it is asked anew</span>
        <textarea name="question" rows="2" maxlength="4000" dir="auto" required .value=${turn.question}></textarea>
      </label>
      <button class="button">Ask</button>
      <button class="quiet" type="button" @click=${() => edit(null)}>Cancel</button>
    </form>
  `;
}

function stopped(turn) {
  return html`
    <p class="fine">Stopped. <button class="quiet" @click=${() => again(turn)}>Ask again</button></p>
  `;
}

function edit(turn) {
  editing.turn = turn;
  refresh();
  if (turn) queueMicrotask(() => document.querySelector("form.question textarea")?.focus());
}

function submit(event, turn) {
  event.preventDefault();
  editing.turn = null;
  again(turn, new FormData(event.target).get("question").trim());
}
