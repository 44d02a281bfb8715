// An answer as it is read: its text with marks, what else the abstracts say, and what to do with it.
import { html, nothing } from "../html.js";
import { count, lines, settled } from "../text.js";
import { actions } from "./actions.js";
import { isOpen, open, openSoon, sourceOf } from "./margin.js";
import { declines, OUTCOMES, VERDICTS } from "./verdicts.js";

/** The answer of a turn, while it is written and after. */
export function view(turn) {
  const { answer, state } = turn;
  return html`
    <div class="answer" aria-busy=${state === "waiting" || state === "writing" ? "true" : "false"}>
      ${answer && OUTCOMES[answer.outcome] ? html`<p class="outcome">${OUTCOMES[answer.outcome]}</p>` : nothing}
      ${answer ? text(turn, turn.text) : growing(turn)}
      ${answer?.notice ? html`<p class="fine" dir="auto">${answer.notice}</p>` : nothing}
      ${answer ? further(turn) : nothing}
      ${answer ? actions(turn) : nothing}
    </div>
  `;
}

/** What is being done; of a deep answer every step, as it comes. */
function waiting({ passages, steps }) {
  const told = passages.length ? `Reading ${count(passages.length, "abstract")}` : "Searching the abstracts";
  const done = steps.length ? steps.map(({ text }) => text) : [told];
  const dots = html`<span class="dots" aria-hidden="true"></span>`;
  return done.map((step, index) => html`<p class="waiting">${step}${index === done.length - 1 ? dots : nothing}</p>`);
}

/** An answer that is being written, or was stopped. */
function growing(turn) {
  const shown = turn.state === "stopped" ? turn.text : settled(turn.text);
  if (shown || turn.state === "stopped") return text(turn, shown);
  return waiting(turn);
}

function text(turn, shown) {
  const sentences = turn.answer?.sentences || [];
  const blocks = [];
  for (const line of lines(shown, sentences)) {
    if (line.item && blocks.at(-1)?.items) blocks.at(-1).items.push(line);
    else blocks.push(line.item ? { items: [line] } : line);
  }
  return blocks.map((block) =>
    block.items
      ? html`<ul class="prose" dir="auto">${block.items.map((line) => html`<li>${parts(turn, line)}</li>`)}</ul>`
      : html`<p class="prose" dir="auto">${parts(turn, block)}</p>`,
  );
}

function parts(turn, line) {
  const sentences = turn.answer?.sentences;
  return line.parts.map((part, index) => {
    const isLast = sentences && line.parts.findLastIndex((other) => other.sentence === part.sentence) === index;
    const sentence = sentences?.[part.sentence];
    const isBare = isLast && sentence && !sentence.citations.length && sentence.support !== "supported";
    const blank = /^\s*/.exec(part.text)[0];
    const text = html`${blank}<span class="sentence ${sentence?.support || ""}" data-read=${reads(turn, part.sentence)}
      >${part.text.slice(blank.length)}</span>`;
    if (part.marks) return html`<span class="tied">${text}${part.marks.map(({ number, sentence: at }) => mark(turn, number, at, false))}</span>`;
    return html`${text}${isBare ? bare(sentence) : nothing}`;
  });
}

function reads(turn, sentence) {
  return sentence >= 0 && isOpen(turn, { sentence, further: false }) ? "" : nothing;
}

function bare({ support, reason }) {
  const { sign, words } = VERDICTS[support];
  return html`<span class="bare" title=${reason}><span aria-hidden="true">${sign}</span> ${words.toLowerCase()}</span>`;
}

/** The mark of a source: a button that opens its abstract in the margin. */
export function mark(turn, number, sentence, further) {
  const source = { number, sentence, further };
  const verdict = verdictOf(turn, source);
  const title = sourceOf(turn, number)?.paper.title || "";
  const said = verdict ? `, ${VERDICTS[verdict].words.toLowerCase()}` : "";
  return html`<button
      class="mark ${verdict || ""}"
      aria-label="Source ${number}${said}: ${title}"
      aria-expanded=${isOpen(turn, source) ? "true" : "false"}
      @click=${(event) => open(turn, source, event)}
      @mouseenter=${() => openSoon(turn, source)}
      @mouseleave=${() => openSoon(null)}
      @focus=${() => openSoon(turn, source)}
    ><span class="number">${number}</span><span class="sign">${verdict ? VERDICTS[verdict].sign : ""}</span></button>`;
}

/** The verdict on the sentence that a mark stands in, once it is known. */
export function verdictOf(turn, { sentence, further }) {
  const among = further ? turn.answer?.more : turn.answer?.sentences;
  return among?.[sentence]?.support;
}

function further(turn) {
  const { more, outcome } = turn.answer;
  if (!more.length) return nothing;
  const declined = declines(outcome);
  const heading = declined ? "Nearest statements, which may not answer it" : "More from the abstracts";
  return html`
    <details class="further" ?open=${declined}>
      <summary>${heading} <span class="fine">(${more.length})</span></summary>
      <ul class="prose">
        ${more.map(
          (statement, index) => html`<li dir="auto"><span class="sentence" data-read=${isOpen(turn, { sentence: index, further: true }) ? "" : nothing}
            >${statement.text}</span>${statement.citations.map((number) => mark(turn, number, index, true))}</li>`,
        )}
      </ul>
    </details>
  `;
}
