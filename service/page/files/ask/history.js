// The reader's conversations: found by their words, renamed, removed.
import { address, get, request } from "../api.js";
import { html, nothing, refresh, repeat } from "../html.js";
import { go } from "../router.js";
import { day } from "../text.js";

const PAGE = 50;
const TYPING_MILLISECONDS = 250;

const history = { found: [], total: 0, words: "", renaming: "", removing: "", problem: null, timer: 0 };

/** Ask the service for the conversations again. */
export async function reload() {
  try {
    const found = await get(address("/v1/conversations", { q: history.words, limit: PAGE }));
    Object.assign(history, { found: found.conversations, total: found.total, problem: null });
  } catch (error) {
    history.problem = error;
  }
  refresh();
}

/** The list; `open` is the id of the conversation on the page. */
export function view(open) {
  return html`
    <nav class="history" aria-label="Conversations">
      <a class="button wide" href="/">New conversation</a>
      <label class="field"><span>Find a conversation</span>
        <input type="search" .value=${history.words} @input=${search} placeholder="Words in it" />
      </label>
      ${history.problem ? html`<p class="fine">${history.problem.message}</p>` : nothing}
      <ul class="plain">
        ${repeat(history.found, ({ id }) => id, (conversation) => entry(conversation, open))}
      </ul>
      ${history.total > history.found.length
        ? html`<p class="fine">The last ${history.found.length} of ${history.total}. Search finds the others.</p>`
        : nothing}
      ${!history.total && history.words ? html`<p class="fine">No conversation has these words.</p>` : nothing}
    </nav>
  `;
}

function entry(conversation, open) {
  const { id, title, updated, library } = conversation;
  if (history.renaming === id) return renaming(conversation);
  if (history.removing === id) return removing(conversation);
  const name = title || "Untitled";
  return html`
    <li class="entry">
      <a href="/conversations/${id}" aria-current=${id === open ? "page" : nothing}>
        <bdi class="title">${name}</bdi><span class="fine">${library} · ${day(updated)}</span>
      </a>
      <span class="tools">
        <button class="quiet" @click=${() => set({ renaming: id })} aria-label="Rename: ${name}">Rename</button>
        <button class="quiet" @click=${() => set({ removing: id })} aria-label="Delete: ${name}">Delete</button>
      </span>
    </li>
  `;
}

function renaming({ id, title }) {
  return html`
    <li class="entry">
      <form @submit=${(event) => rename(event, id)}>
        <label class="field"><span>New title</span>
          <input name="title" .value=${title} maxlength="200" required />
        </label>
        <button class="button">Save</button>
        <button class="quiet" type="button" @click=${() => set({ renaming: "" })}>Cancel</button>
      </form>
    </li>
  `;
}

function removing({ id, title }) {
  return html`
    <li class="entry" role="group" aria-label="Delete a conversation">
      <p>Delete <bdi>${title || "this conversation"}</bdi>, with its answers?</p>
      <button class="button" @click=${() => remove(id)}>Delete</button>
      <button class="quiet" @click=${() => set({ removing: "" })}>Keep</button>
    </li>
  `;
}

function set(values) {
  Object.assign(history, values);
  refresh();
}

function search(event) {
  history.words = event.target.value;
  clearTimeout(history.timer);
  history.timer = setTimeout(reload, TYPING_MILLISECONDS);
}

async function rename(event, id) {
  event.preventDefault();
  const title = new FormData(event.target).get("title");
  await change(() => request("PATCH", `/v1/conversations/${id}`, { body: { title } }));
  set({ renaming: "" });
}

async function remove(id) {
  await change(() => request("DELETE", `/v1/conversations/${id}`));
  set({ removing: "" });
  if (location.pathname === `/conversations/${id}`) go("/");
}

async function change(action) {
  try {
    await action();
    await reload();
  } catch (error) {
    history.problem = error;
  }
}
