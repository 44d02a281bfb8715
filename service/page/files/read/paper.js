// A paper: its abstract, by what it is known, what is like it, and which answers cited it.
import { address, get, paperPath, request } from "../api.js";
import { html, nothing, refresh } from "../html.js";
import { layout } from "../layout.js";
import { choose, libraries, load } from "../libraries.js";
import { problem } from "../problem.js";
import { go } from "../router.js";
import { day, imprint, webAddress } from "../text.js";
import { paperAddress } from "./abstract.js";

/** `asked` tells the present request from an earlier one, whose reply may come later. */
const shown = { asked: null, library: "", paper: null, near: [], answers: [], problem: null, removing: false };

export const page = {
  async enter({ id, query }) {
    const library = query.get("library") || libraries.chosen;
    Object.assign(shown, { library, paper: null, near: [], answers: [], problem: null, removing: false });
    const path = `/v1/papers/${paperPath(id)}`;
    const asked = (shown.asked = Symbol(id));
    const keep = (values) => {
      if (shown.asked === asked) Object.assign(shown, values);
      refresh();
    };
    const ask = async (what, names) => keep(names(await get(address(`${path}${what}`, { library }))));
    try {
      await ask("", (paper) => ({ paper }));
      await Promise.all([ask("/neighbours", ({ neighbours: near }) => ({ near })), ask("/answers", ({ answers }) => ({ answers }))]);
    } catch (error) {
      keep({ problem: error });
    }
  },

  view() {
    const { paper } = shown;
    return layout({
      title: paper?.title || "Paper",
      rail: paper ? identity(paper) : html`<div></div>`,
      railName: "About the paper",
      main: html`${problem(shown.problem)} ${paper ? text(paper) : nothing}`,
      margin: paper ? beside() : nothing,
    });
  },
};

function text(paper) {
  return html`
    <article class="whole">
      <h1 dir="auto">${paper.title}</h1>
      <p class="byline"><bdi>${paper.authors.join(", ") || "Authors not known"}</bdi></p>
      ${paper.retracted ? html`<p class="retracted"><strong>Retracted.</strong></p>` : nothing}
      <p class="prose" dir="auto">${paper.abstract}</p>
      <p class="actions">
        <button class="button" @click=${() => inItsLibrary("/")}>Ask about this paper</button>
        <button class="button" @click=${() => inItsLibrary("/map")}>Show it on the map</button>
        ${shown.removing
          ? html`<span role="group" aria-label="Remove the paper">Remove it from ${shown.library}?
              <button class="button" @click=${remove}>Remove</button>
              <button class="quiet" @click=${() => confirm(false)}>Keep</button></span>`
          : html`<button class="quiet" @click=${() => confirm(true)}>Remove from the library</button>`}
      </p>
    </article>
  `;
}

function identity(paper) {
  const rows = [
    ["Venue", paper.venue],
    ["Year", paper.year],
    ["DOI", paper.doi && link(`https://doi.org/${paper.doi}`, paper.doi)],
    ["arXiv", paper.arxiv_id && link(`https://arxiv.org/abs/${paper.arxiv_id}`, paper.arxiv_id)],
    ["PubMed", paper.pmid && link(`https://pubmed.ncbi.nlm.nih.gov/${paper.pmid}/`, paper.pmid)],
    ["Address", webAddress(paper.url) && link(paper.url, new URL(paper.url).host)],
    ["Kind", paper.publication_type],
    ["Language", paper.language],
    ["Keywords", paper.keywords.join(", ")],
    ["Id", paper.id],
    ["Also", paper.ids.join(", ")],
    ["Read from", [...new Set(paper.sources.map(({ path, line }) => `${path.split("/").at(-1)}, line ${line}`))].join("; ")],
  ];
  return html`
    <dl class="identity">
      ${rows.filter(([, value]) => value).map(([name, value]) => html`<div><dt>${name}</dt><dd><bdi>${value}</bdi></dd></div>`)}
    </dl>
  `;
}

function link(url, words) {
  return html`<a href=${url} target="_blank" rel="noreferrer">${words}<span class="hidden"> (opens a new tab)</span></a>`;
}

function beside() {
  return html`
    <aside class="margin" aria-label="Beside this paper">
      ${shown.answers.length
        ? html`<h2 class="small">Cited in your answers</h2>
            <ul class="notes plain">
              ${shown.answers.map(({ id, question, created }) => html`<li><a class="note" href="/answers/${id}"><span><bdi class="title">${question}</bdi> <span class="fine">${day(created)}</span></span></a></li>`)}
            </ul>`
        : nothing}
      ${shown.near.length
        ? html`<h2 class="small">Papers like it</h2>
            <ul class="notes plain">
              ${shown.near.map(({ paper }) => html`<li><a class="note" href=${paperAddress(paper.id, shown.library)}><span><bdi class="title">${paper.title}</bdi> <span class="fine">${imprint(paper)}</span></span></a></li>`)}
            </ul>`
        : nothing}
    </aside>
  `;
}

/** Go to a page about this paper; its library becomes the chosen one. */
function inItsLibrary(path) {
  choose(shown.library);
  go(address(path, { paper: shown.paper.id }));
}

function confirm(removing) {
  shown.removing = removing;
  refresh();
}

async function remove() {
  try {
    await request("DELETE", address(`/v1/papers/${paperPath(shown.paper.id)}`, { library: shown.library }));
    await load();
    go("/search");
  } catch (error) {
    Object.assign(shown, { problem: error, removing: false });
    refresh();
  }
}
