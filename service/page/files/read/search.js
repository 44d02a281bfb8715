// Search: papers as a list, ranked or sorted, with how many there are of each year and venue.
import { address, get } from "../api.js";
import { html, live, nothing, refresh, repeat } from "../html.js";
import { layout } from "../layout.js";
import { libraries } from "../libraries.js";
import { problem } from "../problem.js";
import { go } from "../router.js";
import { count, imprint } from "../text.js";
import { paperAddress } from "./abstract.js";
import { view as facets } from "./facets.js";

const PAGE = 25;
const ORDERS = [
  ["best", "Best match"],
  ["newest", "Newest first"],
  ["oldest", "Oldest first"],
  ["title", "By title"],
];

const list = { asked: {}, papers: [], total: null, facets: null, problem: null, loading: false };

const sentinel = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && more(), {
  rootMargin: "600px",
});

export const page = {
  enter({ query }) {
    list.asked = Object.fromEntries(["q", "order", "year_from", "year_to", "venue"].map((name) => [name, query.get(name) || ""]));
    Object.assign(list, { papers: [], total: null, problem: null, loading: false });
    more();
  },

  leave() {
    sentinel.disconnect();
  },

  view() {
    watchEnd();
    return layout({
      title: list.asked.q ? `“${list.asked.q}”` : "Search",
      rail: list.facets ? facets(list.facets, list.asked, narrow) : html`<div></div>`,
      railName: "Years and venues",
      main: html`
        <h1 class="hidden">Search</h1>
        ${form()} ${problem(list.problem, more)}
        ${list.total === null ? nothing : html`<p class="fine" role="status">${told()}</p>`}
        <ol class="papers plain" aria-busy=${list.loading ? "true" : "false"}>
          ${repeat(list.papers, ({ paper }) => paper.id, entry)}
        </ol>
        ${list.papers.length < (list.total ?? 0)
          ? html`<button class="button" data-end @click=${more} ?disabled=${list.loading}>More papers</button>`
          : nothing}
      `,
    });
  },
};

function form() {
  const { q, order } = list.asked;
  return html`
    <form class="search" role="search" @submit=${submit}>
      <label class="hidden" for="words">Words to search for</label>
      <input id="words" name="q" type="search" dir="auto" placeholder="Search titles and abstracts" .value=${live(q)} />
      <button class="button">Search</button>
      <label class="inline">Order
        <select @change=${(event) => narrow({ order: event.target.value })}>
          ${ORDERS.filter(([name]) => q || name !== "best").map(
            ([name, words]) => html`<option value=${name} ?selected=${name === (order || (q ? "best" : "newest"))}>${words}</option>`,
          )}
        </select>
      </label>
    </form>
  `;
}

function told() {
  if (!list.total) return list.asked.q ? "No paper was found for this." : "There is no paper here.";
  return `${count(list.total, "paper")}${list.asked.q && !list.asked.order ? ", the best match first" : ""}`;
}

function entry({ paper, snippet }) {
  return html`
    <li class="paper">
      <h2 dir="auto"><a href=${paperAddress(paper.id, libraries.chosen)}>${paper.title}</a></h2>
      <p class="fine"><bdi>${imprint(paper)}</bdi>${paper.retracted ? html` <strong class="retracted">Retracted</strong>` : nothing}</p>
      <p class="snippet" dir="auto">${snippet || paper.abstract}</p>
    </li>
  `;
}

async function more() {
  if (list.loading || (list.total !== null && list.papers.length >= list.total)) return;
  const { asked } = list;
  Object.assign(list, { loading: true, problem: null });
  try {
    const path = address("/v1/browse", { ...asked, library: libraries.chosen, offset: list.papers.length, limit: PAGE });
    const found = await get(path);
    if (asked !== list.asked) return;
    list.papers = [...list.papers, ...found.papers];
    Object.assign(list, { total: found.total, facets: found.facets });
  } catch (error) {
    if (asked === list.asked) list.problem = error;
  }
  if (asked === list.asked) list.loading = false;
  refresh();
}

/** Search anew with some parameters changed. */
function narrow(changes) {
  go(address("/search", { ...list.asked, ...changes }));
}

function submit(event) {
  event.preventDefault();
  const q = new FormData(event.target).get("q").trim();
  narrow({ q, order: "" });
}

function watchEnd() {
  requestAnimationFrame(() => {
    sentinel.disconnect();
    const end = document.querySelector("[data-end]");
    if (end && !list.loading && !list.problem) sentinel.observe(end);
  });
}
