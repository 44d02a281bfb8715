// The conversation on the page: its turns, asking within it, and finding it again after a reload.
import { events, get, Problem, request, resumed, toProblem } from "../api.js";
import { refresh } from "../html.js";
import { libraries } from "../libraries.js";
import { rename } from "../router.js";
import { reload as reloadHistory } from "./history.js";
import { reset } from "./margin.js";

const PENDING = "scholiast.pending";
const STREAM = "scholiast.stream";
const BUSY = 409;
const GONE = 404;
const POLL_MILLISECONDS = 1000;
const TRIES = 60;

/** `filters` are those of the next question: years, a venue, an author, and papers as `{id, title}`. */
export const talk = { id: "", title: "", library: "", turns: [], problem: null, filters: noFilters(), model: "", isDeep: false };

let leaving = false;
window.addEventListener("pagehide", () => (leaving = true));
window.addEventListener("pageshow", () => (leaving = false));

export function noFilters() {
  return { yearFrom: "", yearTo: "", venue: "", author: "", papers: [] };
}

/** A question with what has come of its answer. `state` is waiting, writing, done, stopped or failed. */
export function newTurn(question, state = "waiting") {
  return { question, state, text: "", passages: [], citations: [], steps: [], answer: null, sources: null, problem: null };
}

/** Begin an empty conversation on the page; the service learns of it with the first question. */
export function clear() {
  stop();
  Object.assign(talk, { id: "", title: "", library: "", turns: [], problem: null, filters: noFilters() });
}

/** Show a stored conversation. A question whose answer a reload cut off is asked again. */
export async function open(id) {
  if (talk.id === id && talk.turns.length) return;
  clear();
  talk.id = id;
  try {
    let stored = await get(`/v1/conversations/${encodeURIComponent(id)}`);
    show(stored);
    const stream = sessionStorage.getItem(STREAM);
    if (stored.messages.at(-1)?.status === "pending" && stream && isPending(id, talk.turns.at(-1))) {
      return await answer(talk.turns.at(-1), stream);
    }
    for (let tries = 0; talk.id === id && stored.messages.at(-1)?.status === "pending" && tries < TRIES; tries += 1) {
      await pause();
      stored = await get(`/v1/conversations/${encodeURIComponent(id)}`);
      if (talk.id === id) show(stored);
    }
    const last = talk.turns.at(-1);
    const isCutOff = last?.state === "failed" && isPending(id, last);
    if (talk.id === id && isCutOff) await again(last);
    else if (last?.answer) loadSources(last);
  } catch (error) {
    if (talk.id === id) talk.problem = error;
    refresh();
  }
}

/** Ask a question, as the next of the conversation. */
export function ask(question) {
  reset();
  const turn = newTurn(question);
  talk.turns.push(turn);
  return answer(turn);
}

/** Take back a turn and all after it, and ask its question again, or another one in its place. */
export async function again(turn, question = turn.question) {
  stop();
  reset();
  const before = talk.turns.slice(0, talk.turns.indexOf(turn));
  const replacement = newTurn(question);
  talk.turns = [...before, replacement];
  refresh();
  try {
    await takeBack(turn, before);
  } catch (error) {
    Object.assign(replacement, { state: "failed", problem: error });
    refresh();
    return;
  }
  await answer(replacement);
}

/** Stop the answer that is being written. */
export function stop() {
  talk.turns.at(-1)?.abort?.abort();
}

/** Whether an answer is being written. */
export const isBusy = () => ["waiting", "writing"].includes(talk.turns.at(-1)?.state);

/** Learn the abstracts behind an answer, with the words that support it. */
export async function loadSources(turn) {
  if (turn.sources || turn.loading || !turn.answer) return;
  turn.loading = true;
  try {
    turn.sources = (await get(`/v1/answers/${turn.answer.id}/sources`)).sources;
  } catch (error) {
    turn.sourcesProblem = error;
  }
  turn.loading = false;
  refresh();
}

/** Give a turn its finished answer. */
export function finish(turn, done) {
  Object.assign(turn, { answer: done, state: "done", text: done.text, passages: done.passages, citations: done.citations });
}

const isPending = (id, turn) => sessionStorage.getItem(PENDING) === `${id} ${turn.question}`;

/** Ask for an answer, or take up the `stream` of one that was asked for before a reload. */
async function answer(turn, stream = "") {
  turn.abort = new AbortController();
  refresh();
  try {
    if (!talk.id) await begin();
    sessionStorage.setItem(PENDING, `${talk.id} ${turn.question}`);
    await receive(turn, stream);
  } catch (error) {
    if (error.name === "AbortError") turn.state = "stopped";
    else Object.assign(turn, { state: "failed", problem: error });
  }
  turn.abort = null;
  if (!leaving) [PENDING, STREAM].forEach((name) => sessionStorage.removeItem(name));
  refresh();
  reloadHistory();
  await loadSources(turn);
}

async function receive(turn, stream) {
  const path = `/v1/conversations/${talk.id}/messages`;
  const keep = (id) => sessionStorage.setItem(STREAM, id);
  const { signal } = turn.abort;
  for (let tries = 0; ; tries += 1) {
    try {
      const found = stream ? resumed(stream, signal) : events(path, question(turn), signal, keep);
      for await (const [name, data] of found) take(turn, name, data);
      break;
    } catch (error) {
      if (stream && error.status === GONE) break;
      if (error.status !== BUSY || tries === TRIES) throw error;
      await pause();
    }
  }
  if (turn.state !== "done" && !turn.problem) {
    throw new Problem(0, "The answer broke off", "The connection was lost before its end.", true);
  }
}

function take(turn, name, data) {
  if (name === "sources") turn.passages = data.passages;
  else if (name === "step") turn.steps.push(data);
  else if (name === "citation") turn.citations.push(data);
  else if (name === "done") finish(turn, data);
  else if (name === "error") Object.assign(turn, { state: "failed", problem: toProblem(data) });
  else if (name === "delta") Object.assign(turn, { state: "writing", text: turn.text + data.text });
  refresh();
}

function question(turn) {
  const { yearFrom, yearTo, venue, author, papers } = talk.filters;
  const filters = {};
  if (yearFrom) filters.year_from = Number(yearFrom);
  if (yearTo) filters.year_to = Number(yearTo);
  if (venue.trim()) filters.venues = [venue.trim()];
  if (author.trim()) filters.authors = [author.trim()];
  if (papers.length) filters.papers = papers.map(({ id }) => id);
  const body = { content: turn.question };
  if (Object.keys(filters).length) body.filters = filters;
  if (talk.model) body.model = talk.model;
  if (talk.isDeep) body.effort = "deep";
  return body;
}

async function begin() {
  const body = libraries.chosen ? { library: libraries.chosen } : {};
  const { id, library } = await request("POST", "/v1/conversations", { body });
  Object.assign(talk, { id, library });
  rename(`/conversations/${id}`);
}

async function takeBack(turn, before) {
  if (!talk.id) return;
  const { messages } = await get(`/v1/conversations/${talk.id}`);
  const same = messages.filter(({ role, content }) => role === "user" && content === turn.question.trim());
  const message = same[before.filter(({ question }) => question.trim() === turn.question.trim()).length];
  if (!message) return;
  for (let tries = 0; ; tries += 1) {
    try {
      await request("DELETE", `/v1/conversations/${talk.id}/messages/${message.id}`);
      return;
    } catch (error) {
      if (error.status !== BUSY || tries === TRIES) throw error;
      await pause();
    }
  }
}

function show({ title, library, messages }) {
  Object.assign(talk, { title, library, problem: null });
  talk.turns = [];
  for (const message of messages) {
    if (message.role === "user") talk.turns.push(shown(message));
    else if (message.answer && talk.turns.length) finish(talk.turns.at(-1), message.answer);
  }
  refresh();
}

function shown({ content, status, error }) {
  if (status !== "failed") return newTurn(content, status === "pending" ? "waiting" : "done");
  return { ...newTurn(content, "failed"), problem: new Problem(0, "No answer came", error, true) };
}

function pause() {
  return new Promise((resolve) => setTimeout(resolve, POLL_MILLISECONDS));
}
