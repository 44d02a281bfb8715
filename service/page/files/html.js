// The one door to the rendering library: templates, and when the page is drawn again.
export { html, nothing, render } from "../vendor/lit-html/lit-html.js";
export { keyed } from "../vendor/lit-html/directives/keyed.js";
export { live } from "../vendor/lit-html/directives/live.js";
export { repeat } from "../vendor/lit-html/directives/repeat.js";

let draw = () => {};
let waiting = false;

/** Say what draws the page. */
export function drawWith(drawing) {
  draw = drawing;
}

/** Draw the page soon; several changes in one turn of the event loop are drawn once. */
export function refresh() {
  if (waiting) return;
  waiting = true;
  queueMicrotask(() => {
    waiting = false;
    draw();
  });
}
