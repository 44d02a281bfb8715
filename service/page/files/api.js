// Speaks to the service: JSON, streams of events, files. Every failure is a Problem.
const KEY = "scholiast.key";

/** A failure, with what the service said of it (RFC 9457). `status` is 0 when the service could not be reached. */
export class Problem extends Error {
  constructor(status, title, detail, retryable = false) {
    super(detail || title);
    this.status = status;
    this.title = title;
    this.detail = detail;
    this.retryable = retryable;
  }
}

let onMissingKey = () => {};

/** Say what happens when the service asks for a key. */
export function askForKeyWith(asking) {
  onMissingKey = asking;
}

/** Keep a key for this tab; an empty one is forgotten. */
export function keepKey(key) {
  if (key) sessionStorage.setItem(KEY, key);
  else sessionStorage.removeItem(KEY);
}

/** The JSON of a response; `body` is sent as JSON unless it is a form. */
export async function request(method, path, { body, signal } = {}) {
  const response = await send(method, path, body, signal);
  return response.json();
}

export const get = (path, options) => request("GET", path, options);

/** A file as text, and its name. */
export async function download(path) {
  const response = await send("GET", path);
  const named = /filename="([^"]+)"/.exec(response.headers.get("content-disposition") || "");
  return { name: named ? named[1] : "references.txt", text: await response.text() };
}

/** Yield `[name, data]` of each server-sent event of an answer. */
export async function* events(path, body, signal) {
  const response = await send("POST", path, { ...body, stream: true }, signal);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) {
        const event = parse(block);
        if (event) yield event;
      }
    }
  } catch (error) {
    throw unreachable(error);
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** A path with the parameters that have a value. */
export function address(path, parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const query = new URLSearchParams(given);
  return given.length ? `${path}?${query}` : path;
}

/** The path of a paper; its id may hold slashes, which stay. */
export function paperPath(id) {
  return id.split("/").map(encodeURIComponent).join("/");
}

async function send(method, path, body, signal) {
  const headers = {};
  const key = sessionStorage.getItem(KEY);
  if (key) headers.Authorization = `Bearer ${key}`;
  const isForm = body instanceof FormData;
  if (body && !isForm) headers["Content-Type"] = "application/json";
  const options = { method, headers, signal, body: isForm || !body ? body : JSON.stringify(body) };
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    throw unreachable(error);
  }
  if (response.ok) return response;
  const problem = await problemOf(response);
  if (problem.status === 401) onMissingKey(Boolean(key));
  throw problem;
}

function unreachable(error) {
  if (error.name === "AbortError" || error instanceof Problem) return error;
  return new Problem(0, "The service can't be reached", "Check that it runs, then try again.", true);
}

async function problemOf(response) {
  try {
    return toProblem(await response.json());
  } catch {
    return new Problem(response.status, `The service answered with status ${response.status}`, "", response.status > 500);
  }
}

/** The problem of a response's JSON, or of an event. */
export function toProblem({ status, title, detail, retryable }) {
  return new Problem(status, title, detail, Boolean(retryable));
}

function parse(block) {
  let name = "message";
  const data = [];
  for (const line of block.split("\n")) {
    if (line.startsWith("event:")) name = line.slice(6).trim();
    else if (line.startsWith("data:")) data.push(line.slice(5).trim());
  }
  return data.length ? [name, JSON.parse(data.join("\n"))] : null;
}
