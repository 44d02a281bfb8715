// The libraries of the service, and the one that the reader has chosen.
import { get } from "./api.js";
import { refresh } from "./html.js";

const CHOSEN = "scholiast.library";

/** `all` is null until it is known; `chosen` is empty for the service's own choice. */
export const libraries = { all: null, chosen: localStorage.getItem(CHOSEN) || "", models: [] };

/** Ask the service which libraries there are, and which models may answer. */
export async function load() {
  const [{ libraries: all }, { data }] = await Promise.all([get("/v1/libraries"), get("/v1/models")]);
  libraries.all = all;
  libraries.models = data.map(({ id }) => id).filter((id) => id !== "scholiast" && !id.startsWith("scholiast/"));
  if (!all.some(({ name }) => name === libraries.chosen)) libraries.chosen = firstWithPapers(all);
  refresh();
}

/** Choose a library, also for the next visit. */
export function choose(name) {
  libraries.chosen = name;
  localStorage.setItem(CHOSEN, name);
  refresh();
}

function firstWithPapers(all) {
  const filled = all.filter(({ papers }) => papers);
  const best = filled.find(({ name }) => name === "default") || filled.find(({ name }) => name === "demo") || filled[0];
  return best ? best.name : "";
}
