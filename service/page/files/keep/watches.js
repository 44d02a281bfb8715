// Watches: what is new on a subject or a question, as a digest.
import { get, request } from "../api.js";
import { html, nothing, refresh } from "../html.js";
import { layout } from "../layout.js";
import { libraries } from "../libraries.js";
import { problem } from "../problem.js";
import { paperAddress } from "../read/abstract.js";
import { day, imprint } from "../text.js";

const kept = { watches: null, found: {}, problem: null, running: "", told: "" };

export const page = {
  enter() {
    Object.assign(kept, { problem: null, told: "" });
    load();
  },

  view() {
    return layout({
      title: "Watches",
      main: html`
        <h1>What is new</h1>
        <p>A watch tells each new paper on a subject once, and for a question also when its answer changes.</p>
        ${form()} ${problem(kept.problem)}
        <p class="fine" role="status">${kept.told}</p>
        ${kept.watches?.map(watch) ?? nothing}
      `,
    });
  },
};

function form() {
  return html`
    <form class="search" @submit=${begin}>
      <label class="hidden" for="subject">A subject, or a question</label>
      <input id="subject" name="text" required maxlength="1000" dir="auto" placeholder="A subject, or a question with its mark?" />
      <button class="button">Watch</button>
    </form>
  `;
}

function watch({ id, text, library, source, feed }) {
  const found = kept.found[id] || [];
  return html`
    <section class="watch" aria-label="Watch: ${text}">
      <h2 dir="auto">${text}</h2>
      <p class="fine">
        In ${library}${source ? `, fetched from ${source}` : ""}.
        <a href=${feed} download>Atom feed</a>
        <button class="quiet" ?disabled=${kept.running === id} @click=${() => run(id)}>${kept.running === id ? "Looking…" : "Look now"}</button>
        <button class="quiet" @click=${() => remove(id)} aria-label="Remove the watch: ${text}">Remove</button>
      </p>
      ${found.length ? html`<ol class="papers plain">${found.map((one) => finding(one, library))}</ol>` : html`<p class="fine">Nothing yet.</p>`}
    </section>
  `;
}

function finding({ kind, found, paper, sentence, before, after }, library) {
  if (kind === "answer") {
    return html`
      <li class="paper">
        <h3><a href="/answers/${after.answer}">The answer has changed</a></h3>
        <p class="snippet" dir="auto">${after.sentence}</p>
        <p class="fine">${day(found)}. Before: <bdi>${before.sentence}</bdi></p>
      </li>
    `;
  }
  return html`
    <li class="paper">
      <h3 dir="auto"><a href=${paperAddress(paper.id, library)}>${paper.title}</a></h3>
      <p class="fine"><bdi>${[imprint(paper), day(found)].filter(Boolean).join(" · ")}</bdi></p>
      <p class="snippet" dir="auto">${sentence}</p>
    </li>
  `;
}

async function load() {
  await attempt(async () => {
    kept.watches = (await get("/v1/watches")).watches;
    refresh();
    await Promise.all(kept.watches.map(({ id }) => loadFindings(id)));
  });
}

async function loadFindings(id) {
  kept.found[id] = (await get(`/v1/watches/${id}/findings`)).findings;
  refresh();
}

async function begin(event) {
  event.preventDefault();
  const { target } = event;
  const text = new FormData(target).get("text").trim();
  await attempt(async () => {
    await request("POST", "/v1/watches", { body: { text, library: libraries.chosen || undefined } });
    target.reset();
    kept.told = "It is watched from now on.";
    await load();
  });
}

async function run(id) {
  kept.running = id;
  await attempt(async () => {
    const { found } = await request("POST", `/v1/watches/${id}/run`);
    kept.told = found.length ? `${found.length} new.` : "Nothing new.";
    await loadFindings(id);
  });
  kept.running = "";
  refresh();
}

async function remove(id) {
  await attempt(async () => {
    await request("DELETE", `/v1/watches/${id}`);
    await load();
  });
}

async function attempt(action) {
  kept.problem = null;
  refresh();
  try {
    await action();
  } catch (error) {
    kept.problem = error;
  }
  refresh();
}
