// Which page an address shows. Links inside the site are followed without loading the document again.
import { refresh } from "./html.js";

const PATTERNS = [
  [/^\/$/, "ask"],
  [/^\/conversations\/([^/]+)$/, "ask"],
  [/^\/answers\/([^/]+)$/, "answer"],
  [/^\/search$/, "search"],
  [/^\/papers\/(.+)$/, "paper"],
  [/^\/map$/, "map"],
  [/^\/watches$/, "watches"],
  [/^\/add$/, "add"],
];

let pages = {};
/** Where the reader is: the name of the page, the id in its address, and the parameters. */
export let place = { name: "", id: "", query: new URLSearchParams() };

/** Begin with the pages by name, each with `enter(place)`, `leave()` (if it must) and `view()`. */
export function start(named) {
  pages = named;
  document.addEventListener("click", follow);
  window.addEventListener("popstate", enter);
  enter();
}

export const page = () => pages[place.name];

/** Go to an address of the site. */
export function go(path) {
  history.pushState(null, "", path);
  enter();
  window.scrollTo(0, 0);
}

/** Give the present page another address without entering it anew. */
export function rename(path) {
  history.replaceState(null, "", path);
  place = read();
}

function enter() {
  page()?.leave?.();
  place = read();
  page().enter(place);
  refresh();
}

function read() {
  const path = location.pathname;
  for (const [pattern, name] of PATTERNS) {
    const match = pattern.exec(path);
    if (match) return { name, id: match[1] ? decode(match[1]) : "", query: new URLSearchParams(location.search) };
  }
  return { name: "ask", id: "", query: new URLSearchParams() };
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function follow(event) {
  const link = event.target.closest?.("a[href]");
  const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  if (!link || !isPlain || event.defaultPrevented || link.target || link.hasAttribute("download")) return;
  const url = new URL(link.href);
  if (url.origin !== location.origin || !PATTERNS.some(([pattern]) => pattern.test(url.pathname))) return;
  event.preventDefault();
  go(url.pathname + url.search);
}
