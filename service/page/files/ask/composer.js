// Where a question is written, with what it may be answered from.
import { html, live, nothing, refresh } from "../html.js";
import { libraries } from "../libraries.js";
import { ask, isBusy, stop, talk } from "./conversation.js";

const MOST = 4000;
const MOST_OF_A_NAME = 200;

const draft = { text: "", open: false };

/** Put a question into the composer, without asking it. */
export function write(text) {
  draft.text = text;
  refresh();
}

/** The form at the foot of a conversation. */
export function view() {
  const busy = isBusy();
  const isFirst = !talk.turns.length;
  return html`
    <form class="composer" @submit=${submit}>
      ${chips()}
      ${draft.open ? filters() : nothing}
      <div class="ask">
        <label class="hidden" for="question">${isFirst ? "Your question" : "Your next question"}</label>
        <textarea
          id="question"
          rows="1"
          maxlength=${MOST}
          dir="auto"
          placeholder=${isFirst ? "Ask the abstracts" : "Ask further"}
          .value=${live(draft.text)}
          @input=${(event) => (draft.text = event.target.value)}
          @keydown=${onKey}
        ></textarea>
        ${busy
          ? html`<button type="button" class="button" @click=${stop}>Stop</button>`
          : html`<button class="button">Ask</button>`}
      </div>
      <div class="options">
        <button type="button" class="quiet" aria-expanded=${draft.open ? "true" : "false"} @click=${toggle}>Filters</button>
        ${models()} ${elsewhere()}
        <span class="fine keys" aria-hidden="true">Enter asks, Shift + Enter begins a new line</span>
      </div>
    </form>
  `;
}

function chips() {
  const { yearFrom, yearTo, venue, author, papers } = talk.filters;
  const years = yearFrom || yearTo ? `${yearFrom || "…"} to ${yearTo || "…"}` : "";
  if (!years && !venue.trim() && !author.trim() && !papers.length) return nothing;
  return html`
    <ul class="chips plain" aria-label="Answered only from">
      ${years ? chip(years, () => Object.assign(talk.filters, { yearFrom: "", yearTo: "" })) : nothing}
      ${venue.trim() ? chip(`in ${venue}`, () => (talk.filters.venue = "")) : nothing}
      ${author.trim() ? chip(`by ${author}`, () => (talk.filters.author = "")) : nothing}
      ${papers.map((paper) =>
        chip(paper.title, () => (talk.filters.papers = papers.filter(({ id }) => id !== paper.id))),
      )}
    </ul>
  `;
}

function chip(text, remove) {
  const removed = () => {
    remove();
    refresh();
  };
  return html`<li class="chip"><bdi>${text}</bdi><button type="button" @click=${removed} aria-label="Remove: ${text}">×</button></li>`;
}

function filters() {
  return html`
    <div class="filters">
      ${year("From year", "yearFrom")} ${year("To year", "yearTo")} ${words("Venue", "venue")} ${words("Author", "author")}
      <p class="fine">“Ask about this paper”, on the page of a paper, asks of it alone.</p>
    </div>
  `;
}

function year(label, name) {
  return html`
    <label class="field"><span>${label}</span>
      <input type="number" min="0" max="9999" inputmode="numeric" .value=${live(talk.filters[name])} @input=${setting(name)} />
    </label>
  `;
}

function words(label, name) {
  return html`
    <label class="field"><span>${label}</span>
      <input maxlength=${MOST_OF_A_NAME} dir="auto" .value=${live(talk.filters[name])} @input=${setting(name)} />
    </label>
  `;
}

function setting(name) {
  return (event) => {
    talk.filters[name] = event.target.value;
    refresh();
  };
}

function models() {
  if (libraries.models.length < 2) return nothing;
  const set = (event) => (talk.model = event.target.value);
  const deepen = (event) => (talk.isDeep = event.target.checked);
  return html`
    <label class="inline">Written by
      <select @change=${set}>${libraries.models.map((name) => html`<option ?selected=${name === talk.model}>${name}</option>`)}</select>
    </label>
    <label class="inline"><input type="checkbox" .checked=${live(talk.isDeep)} @change=${deepen} /> Search deeply</label>
  `;
}

/** A conversation keeps to its library, whichever is chosen meanwhile. */
function elsewhere() {
  if (!talk.library || talk.library === libraries.chosen) return nothing;
  return html`<span class="fine">This conversation asks ${talk.library}.</span>`;
}

function toggle() {
  draft.open = !draft.open;
  refresh();
}

function onKey(event) {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  event.target.form.requestSubmit();
}

function submit(event) {
  event.preventDefault();
  const question = draft.text.trim();
  if (!question || isBusy()) return;
  draft.text = "";
  ask(question);
  requestAnimationFrame(() => document.querySelector(".turn:last-of-type")?.scrollIntoView({ block: "start" }));
}
