// The page on which one asks: the conversations, the text, and the margin with the sources.
import { address, get, paperPath } from "../api.js";
import { html, nothing, refresh, repeat } from "../html.js";
import { layout } from "../layout.js";
import { libraries } from "../libraries.js";
import { problem } from "../problem.js";
import { view as composer, write } from "./composer.js";
import { ask, clear, open, talk } from "./conversation.js";
import { reload, view as history } from "./history.js";
import { reset, view as margin } from "./margin.js";
import { view as turn } from "./turn.js";

// They are answered from any library.
const EXAMPLES = ["What is in this library?", "Which papers are the newest?"];

/** `/` begins a conversation, `/conversations/ID` shows one; `?paper=ID` asks of one paper alone. */
export const page = {
  enter({ id, query }) {
    if (!id || id !== talk.id) reset();
    if (id) open(id);
    else clear();
    if (query.get("paper")) restrict(query.get("paper"));
    if (query.get("q")) write(query.get("q"));
    reload();
  },

  view() {
    const { turns } = talk;
    return layout({
      title: talk.title || turns[0]?.question || "Ask",
      rail: history(talk.id),
      railName: "Conversations",
      kind: "talk",
      main: html`
        ${problem(talk.problem)}
        ${turns.length ? html`<h1 class="hidden">${talk.title || "Conversation"}</h1>` : nothing}
        ${turns.length ? repeat(turns, (each) => each, turn) : welcome()}
        <p class="hidden" role="status">${status(turns.at(-1))}</p>
        ${composer()}
      `,
      margin: turns.length ? margin(turns) : nothing,
    });
  },
};

function welcome() {
  const library = libraries.all?.find(({ name }) => name === libraries.chosen);
  if (libraries.all && !library?.papers) {
    return html`
      <div class="welcome">
        <h1>No papers yet</h1>
        <p>Put in the first ones: an export of Zotero, PubMed, arXiv or Scopus, or a table of your own.</p>
        <p><a class="button" href="/add">Add papers</a></p>
      </div>
    `;
  }
  return html`
    <div class="welcome">
      <h1>Ask ${library ? html`${library.papers.toLocaleString("en")} abstracts` : "the abstracts"}</h1>
      <p>
        Every sentence of an answer carries a mark. Rest on it, and the abstract opens in the margin with the words that
        support the sentence. Where the abstracts do not say, you are told so.
      </p>
      <p class="examples">
        ${EXAMPLES.map((question) => html`<button class="quiet" @click=${() => ask(question)}>${question}</button>`)}
      </p>
    </div>
  `;
}

function status(turn) {
  if (!turn) return "";
  if (turn.state === "waiting") return "Searching the abstracts";
  if (turn.state === "writing") return "The answer is being written";
  if (turn.state === "failed") return "The question failed";
  return turn.state === "stopped" ? "Stopped" : "The answer is complete";
}

async function restrict(id) {
  talk.filters.papers = [{ id, title: id }];
  try {
    const { title } = await get(address(`/v1/papers/${paperPath(id)}`, { library: libraries.chosen }));
    talk.filters.papers = [{ id, title }];
  } catch {
    // the id alone says enough
  }
  refresh();
}
