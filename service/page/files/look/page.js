// The map of a library: papers that are alike lie near each other. What is in view is also a list, for the keyboard.
// `/map?paper=ID` shows where one lies.
import { address, get, paperPath } from "../api.js";
import { html, nothing, refresh } from "../html.js";
import { layout } from "../layout.js";
import { libraries } from "../libraries.js";
import { problem } from "../problem.js";
import { abstract, facts, paperAddress } from "../read/abstract.js";
import { count, imprint } from "../text.js";
import { draw, inView, pick, shifted, sizeOfCanvas, WHOLE, zoomed } from "./canvas.js";
import { groups } from "./groups.js";

const LISTED = 60;
const STEP = 60;
const NEARER = 1.5;
const NEAR = 4;
const KEYS = {
  ArrowLeft: [STEP, 0],
  ArrowRight: [-STEP, 0],
  ArrowUp: [0, STEP],
  ArrowDown: [0, -STEP],
};

const map = { made: null, by: "year", lit: "", view: WHOLE, over: null, chosen: null, paper: null, drag: null, problem: null };

const resized = new ResizeObserver(() => refresh());

export const page = {
  async enter({ query }) {
    Object.assign(map, { made: null, lit: "", view: WHOLE, over: null, chosen: null, paper: null, problem: null });
    const library = libraries.chosen;
    try {
      const made = await get(`/v1/libraries/${library || "default"}/map`);
      if (library === libraries.chosen) map.made = made;
      const named = made.points.find(({ id }) => id === query.get("paper"));
      if (named) zoomTo(named);
    } catch (error) {
      map.problem = error;
    }
    refresh();
  },

  leave() {
    resized.disconnect();
  },

  view() {
    const found = map.made ? groups(map.made.points, map.by) : [];
    requestAnimationFrame(() => paint(found));
    return layout({
      title: "Map",
      kind: "wide",
      rail: legend(found),
      railName: "Legend",
      main: html`
        <h1 class="hidden">Map of ${libraries.chosen}</h1>
        ${problem(map.problem)} ${map.made ? plane() : nothing}
      `,
      margin: html`<aside class="margin" aria-label="Papers on the map">${chosen()} ${listed()}</aside>`,
    });
  },
};

function plane() {
  const { points, papers } = map.made;
  return html`
    <div class="plane">
      <canvas
        tabindex="0"
        role="application"
        aria-label="Map of ${count(points.length, "paper")}. Arrow keys move it, plus and minus zoom. The papers in view are listed after it."
        @pointerdown=${grab}
        @pointermove=${move}
        @pointerup=${release}
        @pointerleave=${() => set({ over: null })}
        @wheel=${wheel}
        @keydown=${key}
      ></canvas>
      <p class="tip" aria-hidden="true">${map.over ? html`<bdi>${map.over.title}</bdi>${map.over.year ? ` (${map.over.year})` : ""}` : nothing}</p>
      <div class="zoom">
        <button class="quiet" @click=${() => zoom(NEARER)} aria-label="Nearer">+</button>
        <button class="quiet" @click=${() => zoom(1 / NEARER)} aria-label="Farther">−</button>
        <button class="quiet" @click=${() => set({ view: WHOLE })}>Whole</button>
      </div>
      ${points.length < papers ? html`<p class="fine">${points.length.toLocaleString("en")} of ${papers.toLocaleString("en")} papers are shown.</p>` : nothing}
    </div>
  `;
}

function legend(found) {
  return html`
    <div class="legend">
      <fieldset>
        <legend class="small">Coloured by</legend>
        ${["year", "venue"].map(
          (by) => html`<label><input type="radio" name="by" .checked=${map.by === by} @change=${() => set({ by, lit: "" })} /> ${by}</label>`,
        )}
      </fieldset>
      <ul class="bars plain">
        ${found.map(
          ({ name, colour, shape, points }) => html`<li>
            <button aria-pressed=${map.lit === name ? "true" : "false"} @click=${() => set({ lit: map.lit === name ? "" : name })}>
              <span><span class="swatch ${shape}" data-colour=${colour} aria-hidden="true"></span> <bdi>${name}</bdi></span>
              <span class="figure">${points.length}</span>
            </button>
          </li>`,
        )}
      </ul>
      <p class="fine">Papers that are alike lie near each other: their vectors, along the two directions in which they differ most.</p>
    </div>
  `;
}

function chosen() {
  if (!map.paper) return nothing;
  return html`
    <section class="reading">
      <header>
        <h2 tabindex="-1" data-heading><bdi>${map.paper.title}</bdi></h2>
        <button class="quiet close" @click=${() => set({ paper: null, chosen: null })}>Close</button>
      </header>
      ${facts(map.paper, map.made.library)} ${abstract(map.paper.abstract, [])}
    </section>
  `;
}

function listed() {
  const canvas = document.querySelector(".plane canvas");
  if (!map.made) return nothing;
  const seen = canvas?.clientWidth ? inView(map.made.points, map.view, sizeOfCanvas(canvas)) : map.made.points;
  return html`
    <h2 class="small">In view: ${count(seen.length, "paper")}</h2>
    <ul class="notes plain">
      ${seen.slice(0, LISTED).map(
        (point) => html`<li data-read=${point === map.chosen ? "" : nothing}>
          <a class="note" href=${paperAddress(point.id, map.made.library)} @focus=${() => set({ over: point })} @mouseenter=${() => set({ over: point })}>
            <span><bdi class="title">${point.title}</bdi> <span class="fine">${imprint(point)}</span></span>
          </a>
        </li>`,
      )}
    </ul>
    ${seen.length > LISTED ? html`<p class="fine">Zoom in to list the other ${seen.length - LISTED}.</p>` : nothing}
  `;
}

function paint(found) {
  const canvas = document.querySelector(".plane canvas");
  if (!canvas) return;
  resized.observe(canvas);
  draw(canvas, found, map.view, map.lit, map.over || map.chosen);
}

function set(values) {
  Object.assign(map, values);
  refresh();
}

function zoom(factor, x, y) {
  const size = sizeOfCanvas(document.querySelector(".plane canvas"));
  set({ view: zoomed(map.view, factor, size, x, y) });
}

function grab(event) {
  event.target.setPointerCapture(event.pointerId);
  map.drag = { x: event.offsetX, y: event.offsetY, moved: false };
}

function move(event) {
  const size = sizeOfCanvas(event.target);
  if (!map.drag) {
    const over = pick(map.made.points, map.view, size, event.offsetX, event.offsetY) || null;
    if (over !== map.over) set({ over });
    return;
  }
  const [dx, dy] = [event.offsetX - map.drag.x, event.offsetY - map.drag.y];
  if (!map.drag.moved && Math.hypot(dx, dy) < 4) return;
  map.drag = { x: event.offsetX, y: event.offsetY, moved: true };
  set({ view: shifted(map.view, dx, dy, size) });
}

function release(event) {
  const point = pick(map.made.points, map.view, sizeOfCanvas(event.target), event.offsetX, event.offsetY);
  if (map.drag && !map.drag.moved && point) choose(point);
  map.drag = null;
}

function zoomTo(point) {
  map.view = { x: point.x, y: point.y, scale: NEAR };
  choose(point);
}

async function choose(point) {
  set({ chosen: point, paper: null });
  try {
    const paper = await get(address(`/v1/papers/${paperPath(point.id)}`, { library: map.made.library }));
    if (map.chosen === point) set({ paper });
  } catch (error) {
    set({ problem: error });
  }
}

function wheel(event) {
  event.preventDefault();
  zoom(event.deltaY < 0 ? 1.15 : 1 / 1.15, event.offsetX, event.offsetY);
}

function key(event) {
  const size = sizeOfCanvas(event.target);
  if (KEYS[event.key]) set({ view: shifted(map.view, ...KEYS[event.key], size) });
  else if (event.key === "+" || event.key === "=") zoom(NEARER);
  else if (event.key === "-") zoom(1 / NEARER);
  else return;
  event.preventDefault();
}
