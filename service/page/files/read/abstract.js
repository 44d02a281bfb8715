// An abstract as it is read: the text with the quoted words lit, and what is known of its paper.
import { paperPath } from "../api.js";
import { html, nothing } from "../html.js";
import { byline, lightUp, webAddress } from "../text.js";

/** The text; it can be scrolled by keyboard. */
export function abstract(text, quotes) {
  if (!text) return html`<p class="fine">The library no longer has this abstract.</p>`;
  return html`
    <div class="abstract" tabindex="0" role="region" aria-label="Abstract" dir="auto">${lightUp(text, quotes).map(piece)}</div>
  `;
}

/** Who, where, when, and where to read on. */
export function facts(paper, library) {
  const outside = webAddress(paper.url);
  return html`
    <p class="facts">
      <bdi>${[byline(paper.authors), paper.venue, paper.year].filter(Boolean).join(" · ") || "Author and year not known"}</bdi>
      ${paper.retracted ? html`<strong class="retracted">Retracted</strong>` : nothing}
      <span class="links">
        <a href=${paperAddress(paper.id, library)}>This paper</a>
        ${outside ? html`<a href=${outside} target="_blank" rel="noreferrer">At the publisher<span class="hidden"> (opens a new tab)</span></a>` : nothing}
      </span>
    </p>
  `;
}

/** Where the page of a paper is. */
export function paperAddress(id, library) {
  return `/papers/${paperPath(id)}${library ? `?library=${encodeURIComponent(library)}` : ""}`;
}

function piece({ text, lit, strong }) {
  const words = strong ? html`<strong>${text}</strong>` : text;
  return lit ? html`<mark>${words}</mark>` : words;
}
