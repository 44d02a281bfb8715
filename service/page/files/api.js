// Speaks to the service: JSON, streams of events, files. Every failure is a Problem.
const KEY = "scholiast.key";
const RESUMES = 25;
const RESUME_MILLISECONDS = 1000;

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

/** Yield `[name, data]` of each event of an answer. `onStream` learns the id by which a stream can be taken up again. */
export async function* events(path, body, signal, onStream = () => {}) {
  yield* following(await send("POST", path, { ...body, stream: true, resumable: true }, signal), signal, onStream);
}

/** The same of an answer that was begun before, from its first event on. */
export async function* resumed(stream, signal) {
  yield* following(await send("GET", `/v1/streams/${stream}`, undefined, signal), signal);
}

/** Take a stream up again where its connection drops; whoever stops it cancels the answer. */
async function* following(response, signal, onStream = () => {}) {
  let last = "";
  try {
    for (let tries = 0; response; tries += 1) {
      try {
        for await (const { id, name, data } of blocks(response)) {
          if (id && !last) onStream(id.split(":")[0]);
          if (id) [last, tries] = [id, 0];
          yield [name, data];
          if (name === "done" || name === "error") return;
        }
      } catch (error) {
        if (error.name === "AbortError" || !last) throw error;
      }
      response = last ? await again(last, signal, tries) : null;
    }
  } catch (error) {
    if (error.name === "AbortError" && last) send("DELETE", `/v1/streams/${last.split(":")[0]}`).catch(() => {});
    throw error;
  }
}

/** The rest of a stream; null if the service has no more of it, or can't be reached for a while. */
async function again(last, signal, tries) {
  for (let waited = tries; waited < RESUMES; waited += 1) {
    await new Promise((resolve) => setTimeout(resolve, RESUME_MILLISECONDS));
    try {
      return await send("GET", `/v1/streams/${last.split(":")[0]}`, undefined, signal, { "Last-Event-ID": last });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      if (error.status) return null;
    }
  }
  return null;
}

async function* blocks(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const found = (rest + value).split("\n\n");
      rest = found.pop();
      for (const block of found) {
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

async function send(method, path, body, signal, others = {}) {
  const headers = { ...others };
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
  let [id, name] = ["", "message"];
  const data = [];
  for (const line of block.split("\n")) {
    if (line.startsWith("event:")) name = line.slice(6).trim();
    else if (line.startsWith("id:")) id = line.slice(3).trim();
    else if (line.startsWith("data:")) data.push(line.slice(5).trim());
  }
  return data.length ? { id, name, data: JSON.parse(data.join("\n")) } : null;
}
