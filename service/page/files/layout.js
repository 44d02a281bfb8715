// The frame of every page: the heading with the ways to go, a rail, the text, and the margin.
import { html, live, nothing, refresh } from "./html.js";
import { choose, libraries } from "./libraries.js";
import { go, place } from "./router.js";
import { theme, turnTheme } from "./theme.js";

const WAYS = [
  ["/", "Ask", ["ask", "answer"]],
  ["/search", "Search", ["search", "paper"]],
  ["/map", "Map", ["map"]],
  ["/watches", "Watches", ["watches"]],
  ["/add", "Add", ["add"]],
];

const frame = { rail: false };

/** A page: `rail` and `margin` stand beside `main` where there is room; `railName` names the rail on a small screen; `kind` is `talk` or
 * `wide`, for the style sheet. */
export function layout({ title, rail = nothing, railName = "", main, margin = nothing, kind = "" }) {
  document.title = title === "Ask" ? "Scholiast" : `${title.slice(0, 80)} · Scholiast`;
  const hasRail = rail !== nothing;
  return html`
    <a class="skip" href="#main">Skip to the text</a>
    <header class="top">
      <a class="name" href="/">Scholiast</a>
      <nav class="ways" aria-label="Pages">
        ${WAYS.map(
          ([path, name, names]) =>
            html`<a href=${path} aria-current=${names.includes(place.name) ? "page" : nothing}>${name}</a>`,
        )}
      </nav>
      ${picker()}
      <button class="quiet theme" @click=${turnTheme} aria-label="Colours: ${theme()}">${theme()}</button>
    </header>
    <div class="frame ${kind}" ?data-rail=${frame.rail}>
      ${hasRail
        ? html`
            <button class="quiet rail-button" aria-expanded=${frame.rail ? "true" : "false"} @click=${toggle}>${railName}</button>
            <aside class="rail" aria-label=${railName}>${rail}</aside>
          `
        : html`<div class="rail"></div>`}
      <main id="main" class=${kind} tabindex="-1">${main}</main>
      ${margin}
    </div>
  `;
}

/** The rail of a small screen is folded again when another page is entered. */
export function foldRail() {
  frame.rail = false;
}

function picker() {
  if (!libraries.all?.length) return nothing;
  const change = (event) => {
    choose(event.target.value);
    const stays = ["search", "map", "add"].includes(place.name);
    go(stays ? location.pathname : "/");
  };
  return html`
    <label class="inline library"><span>Library</span>
      <select aria-label="Library" .value=${live(libraries.chosen)} @change=${change}>
        ${libraries.all.map(
          ({ name, papers }) =>
            html`<option value=${name} ?selected=${name === libraries.chosen}>${name} (${papers.toLocaleString("en")})</option>`,
        )}
      </select>
    </label>
  `;
}

function toggle() {
  frame.rail = !frame.rail;
  refresh();
}
