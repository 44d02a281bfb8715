// The margin: the papers behind an answer, and the abstract of the one that is being looked at, its words lit.
import { html, keyed, nothing, refresh } from "../html.js";
import { abstract, facts } from "../read/abstract.js";
import { count, find, imprint } from "../text.js";
import { loadSources, talk } from "./conversation.js";
import { VERDICTS } from "./verdicts.js";
import { verdictOf } from "./answer.js";

const HOVER_MILLISECONDS = 90;
const SHEET = window.matchMedia("(max-width: 64rem)");

/** What is looked at: a turn, and a source of it as `{number, sentence, further}`. `sheet`: it covers a small screen. */
const margin = { turn: null, source: null, sheet: false, from: null, timer: 0 };

/** Look at a source, because its mark was pressed. */
export function open(turn, source, event) {
  clearTimeout(margin.timer);
  look(turn, source);
  margin.from = event.currentTarget;
  margin.sheet = SHEET.matches;
  refresh();
  const byKeyboard = event.detail === 0;
  if (margin.sheet || byKeyboard) queueMicrotask(() => toHeading(margin.sheet));
}

/** Look at a source when the pointer rests on its mark, or the focus is there; null when it has left. */
export function openSoon(turn, source) {
  clearTimeout(margin.timer);
  if (!turn || SHEET.matches) return;
  margin.timer = setTimeout(() => {
    look(turn, source);
    refresh();
  }, HOVER_MILLISECONDS);
}

/** Whether a source is being looked at, or any in a sentence. */
export function isOpen(turn, { number, sentence, further }) {
  const { source } = margin;
  if (margin.turn !== turn || !source || source.sentence !== sentence || source.further !== further) return false;
  return number === undefined || source.number === number;
}

/** What is known of a source: the abstract and its quotes, or until then the passage that was found. */
export function sourceOf(turn, number) {
  return turn.sources?.find((source) => source.number === number) || turn.passages.find((passage) => passage.number === number);
}

/** Leave the abstract, and go back to where the reader was. */
export function close() {
  Object.assign(margin, { source: null, sheet: false });
  refresh();
  margin.from?.focus();
}

/** Look at nothing: the conversation has changed. */
export function reset() {
  clearTimeout(margin.timer);
  Object.assign(margin, { turn: null, source: null, sheet: false, from: null });
}

/** The margin beside the turns. */
export function view(turns) {
  const turn = turns.includes(margin.turn) ? margin.turn : turns.at(-1);
  const numbers = turn ? cited(turn) : [];
  return html`
    <aside class="margin" aria-label="Sources" ?data-sheet=${margin.sheet} @keydown=${onKey}>
      ${margin.source && turn === margin.turn ? reading(turn, margin.source) : nothing}
      ${numbers.length
        ? html`<h2 class="small">${count(numbers.length, "source")}</h2>
            <ol class="notes plain">${numbers.map((number) => note(turn, number))}</ol>`
        : nothing}
      ${turn?.sourcesProblem ? html`<p class="fine">${turn.sourcesProblem.message}</p>` : nothing}
    </aside>
  `;
}

/** On a small screen the mark is moved to where the sheet does not cover it. */
function toHeading(isSheet) {
  if (isSheet) margin.from.scrollIntoView({ block: "nearest" });
  document.querySelector(".margin [data-heading]")?.focus({ preventScroll: isSheet });
}

function look(turn, source) {
  const same = margin.turn === turn && margin.source && isOpen(turn, source);
  Object.assign(margin, { turn, source });
  loadSources(turn);
  if (!same) queueMicrotask(() => requestAnimationFrame(scrollToQuote));
}

function scrollToQuote() {
  const quote = document.querySelector(".margin .abstract mark");
  if (!quote) return;
  const scrolled = quote.closest(margin.sheet ? ".margin" : ".abstract");
  const offset = quote.getBoundingClientRect().top - scrolled.getBoundingClientRect().top;
  scrolled.scrollTop += offset - scrolled.clientHeight / 4;
}

function cited(turn) {
  const sentences = turn.answer ? [...turn.answer.sentences, ...turn.answer.more] : [];
  const numbers = [...sentences.flatMap(({ citations }) => citations), ...turn.citations.map(({ number }) => number)];
  return [...new Set(numbers)].sort((a, b) => a - b);
}

function note(turn, number) {
  const source = sourceOf(turn, number);
  if (!source) return nothing;
  const isRead = margin.turn === turn && margin.source?.number === number;
  return html`
    <li data-read=${isRead ? "" : nothing}>
      <button class="note" @click=${(event) => open(turn, firstUse(turn, number), event)}>
        <span class="number">${number}</span>
        <span><bdi class="title">${source.paper.title}</bdi> <span class="fine">${imprint(source.paper)}</span></span>
      </button>
    </li>
  `;
}

function firstUse(turn, number) {
  const inText = turn.answer?.sentences.findIndex(({ citations }) => citations.includes(number)) ?? -1;
  if (inText >= 0) return { number, sentence: inText, further: false };
  const beyond = turn.answer?.more.findIndex(({ citations }) => citations.includes(number)) ?? -1;
  return { number, sentence: beyond, further: beyond >= 0 };
}

function reading(turn, source) {
  const known = sourceOf(turn, source.number);
  if (!known) return nothing;
  const verdict = verdictOf(turn, source);
  const text = known.paper.abstract || known.text || "";
  const key = `${source.number} ${source.sentence} ${source.further} ${text.length}`;
  return html`
    <section class="reading" aria-label="Source ${source.number}">
      <header>
        <h2 tabindex="-1" data-heading><span class="number">${source.number}</span> <bdi>${known.paper.title}</bdi></h2>
        <button class="quiet close" @click=${close}>Close<span class="hidden"> the abstract</span></button>
      </header>
      ${facts(known.paper, turn.answer?.library || talk.library)}
      ${verdict ? verdictLine(turn, source, verdict) : nothing}
      ${keyed(key, abstract(text, quotesOf(turn, known, source, text)))}
    </section>
  `;
}

function verdictLine(turn, { sentence, further }, verdict) {
  const { sign, long } = VERDICTS[verdict];
  const { reason } = (further ? turn.answer.more : turn.answer.sentences)[sentence];
  return html`<p class="verdict ${verdict}"><span class="sign" aria-hidden="true">${sign}</span> ${long}${
    reason ? html`<span class="fine"> (${reason})</span>` : nothing
  }.</p>`;
}

function quotesOf(turn, known, { number, sentence, further }, text) {
  if (known.quotes) {
    const here = known.quotes.filter((quote) => quote.sentence === sentence && quote.further === further);
    return here.filter(({ start }) => start !== null);
  }
  const quotes = turn.citations.filter((citation) => citation.number === number).map(({ quote }) => quote);
  return quotes.flatMap((quote) => find(text, quote));
}

function onKey(event) {
  if (event.key === "Escape" && margin.source) close();
}
