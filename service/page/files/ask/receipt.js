// A stored answer at its own address, to be shared.
import { get } from "../api.js";
import { html, nothing, refresh } from "../html.js";
import { layout } from "../layout.js";
import { choose } from "../libraries.js";
import { problem } from "../problem.js";
import { go } from "../router.js";
import { finish, loadSources, newTurn } from "./conversation.js";
import { reset, view as margin } from "./margin.js";
import { view as turn } from "./turn.js";

const receipt = { turn: null, problem: null };

export const page = {
  async enter({ id }) {
    reset();
    Object.assign(receipt, { turn: null, problem: null });
    try {
      const answer = await get(`/v1/answers/${encodeURIComponent(id)}`);
      receipt.turn = { ...newTurn(answer.question), receipt: true };
      finish(receipt.turn, answer);
      loadSources(receipt.turn);
    } catch (error) {
      receipt.problem = error;
    }
    refresh();
  },

  view() {
    const { turn: shown } = receipt;
    return layout({
      title: shown?.question || "Answer",
      kind: "talk",
      main: html`
        ${problem(receipt.problem)}
        <h1 class="hidden">Answer</h1>
        ${shown ? html`${turn(shown)} ${colophon(shown.answer)}` : nothing}
      `,
      margin: shown ? margin([shown]) : nothing,
    });
  },
};

function colophon({ library, model, question, confidence }) {
  const ask = () => {
    choose(library);
    go(`/?q=${encodeURIComponent(question)}`);
  };
  return html`
    <footer class="colophon">
      <p class="fine">
        From the library ${library}, written by ${model}. Estimated probability that the passages answer the question:
        ${Math.round(confidence * 100)} %.
      </p>
      <button class="button" @click=${ask}>Ask it yourself</button>
    </footer>
  `;
}
