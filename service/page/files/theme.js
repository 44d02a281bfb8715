// Light or dark: as the system has it, until the reader chooses.
import { refresh } from "./html.js";

const KEPT = "scholiast.theme";
const NEXT = { Auto: "Light", Light: "Dark", Dark: "Auto" };

export const theme = () => localStorage.getItem(KEPT) || "Auto";

/** Apply the choice of an earlier visit. */
export function applyTheme() {
  document.documentElement.dataset.theme = theme().toLowerCase();
}

/** Go on to the next choice. */
export function turnTheme() {
  localStorage.setItem(KEPT, NEXT[theme()]);
  applyTheme();
  refresh();
}
