// Puts papers in: files are sent one by one, and each tells line by line what became of its records.
import { request } from "../api.js";
import { html, live, nothing, refresh } from "../html.js";
import { layout } from "../layout.js";
import { choose, libraries, load } from "../libraries.js";
import { problem } from "../problem.js";
import { doctor } from "./doctor.js";
import { report } from "./report.js";

/** Each of `files` is `{name, state, report, problem}`; its state is waiting, sending, done or failed. */
const put = { library: "", files: [], sending: false, over: false };

export const page = {
  enter() {
    put.library = libraries.chosen || "default";
  },

  view() {
    return layout({
      title: "Add papers",
      main: html`
        <h1>Add papers</h1>
        <p>
          Exports of Zotero, PubMed, arXiv, Web of Science, Scopus and others, or a table of your own with titles and
          abstracts. The format is read off the content. A record that can't be used is told, and the rest goes in.
        </p>
        <label class="field"><span>Into the library</span>
          <input list="libraries" pattern="[a-z0-9][a-z0-9\\-]{0,62}" .value=${live(put.library)} @input=${(event) => (put.library = event.target.value)} />
        </label>
        <datalist id="libraries">${(libraries.all || []).map(({ name }) => html`<option value=${name}></option>`)}</datalist>
        ${drop()}
        <div aria-live="polite">${put.files.map(file)}</div>
        ${doctor()}
      `,
    });
  },
};

function drop() {
  const over = (is) => (event) => {
    event.preventDefault();
    put.over = is;
    refresh();
  };
  const dropped = (event) => {
    over(false)(event);
    add(event.dataTransfer.files);
  };
  return html`
    <label class="drop" ?data-over=${put.over} @dragover=${over(true)} @dragleave=${over(false)} @drop=${dropped}>
      <span>Drop files here, or <span class="link">choose them</span></span>
      <input class="hidden" type="file" multiple @change=${(event) => add(event.target.files)} />
    </label>
  `;
}

function file({ name, state, report: done, problem: failed }) {
  return html`
    <section class="file" aria-label="File ${name}">
      <h2><bdi>${name}</bdi></h2>
      ${state === "waiting" ? html`<p class="fine">Waits.</p>` : nothing}
      ${state === "sending" ? html`<p class="waiting">Reading and storing<span class="dots" aria-hidden="true"></span></p>` : nothing}
      ${problem(failed)} ${done ? report(done) : nothing}
    </section>
  `;
}

function add(files) {
  const added = [...files].map((content) => ({ name: content.name, content, state: "waiting", report: null, problem: null }));
  put.files = [...added, ...put.files];
  send();
}

async function send() {
  if (put.sending) return;
  put.sending = true;
  for (let next; (next = put.files.findLast(({ state }) => state === "waiting")); ) {
    await sendOne(next);
  }
  put.sending = false;
  try {
    await load();
  } catch {
    // the list of libraries is as it was
  }
}

async function sendOne(file) {
  file.state = "sending";
  refresh();
  const body = new FormData();
  body.append("library", put.library);
  body.append("file", file.content, file.name);
  try {
    file.report = await request("POST", "/v1/papers", { body });
    file.state = "done";
    if (!libraries.chosen) choose(file.report.library);
  } catch (error) {
    Object.assign(file, { problem: error, state: "failed" });
  }
  file.content = null;
  refresh();
}
