// Draws the points of a map, and finds the one under the pointer. The view is `{x, y, scale}`: what lies in the middle.
const RADIUS = 4.5;
const REACH = 14;
const MARGIN = 28;

export const WHOLE = { x: 0.5, y: 0.5, scale: 1 };

/** Where a point of the map stands on a canvas of that size, in CSS pixels. */
export function toScreen({ x, y }, view, { width, height }) {
  const unit = sizeOf(width, height) * view.scale;
  return [width / 2 + (x - view.x) * unit, height / 2 - (y - view.y) * unit];
}

/** The view after a shift by pixels. */
export function shifted(view, dx, dy, { width, height }) {
  const unit = sizeOf(width, height) * view.scale;
  return { ...view, x: view.x - dx / unit, y: view.y + dy / unit };
}

/** The view nearer by a factor, with the place under a pixel kept where it is. */
export function zoomed(view, factor, size, px = size.width / 2, py = size.height / 2) {
  const scale = Math.min(40, Math.max(0.8, view.scale * factor));
  const unit = sizeOf(size.width, size.height);
  const gain = 1 / (unit * view.scale) - 1 / (unit * scale);
  return { scale, x: view.x + (px - size.width / 2) * gain, y: view.y - (py - size.height / 2) * gain };
}

/** The points that can be seen. */
export function inView(points, view, size) {
  return points.filter((point) => {
    const [x, y] = toScreen(point, view, size);
    return x >= 0 && y >= 0 && x <= size.width && y <= size.height;
  });
}

/** The point nearest to a pixel, if one is near. */
export function pick(points, view, size, px, py) {
  let best;
  let reach = REACH ** 2;
  for (const point of points) {
    const [x, y] = toScreen(point, view, size);
    const distance = (x - px) ** 2 + (y - py) ** 2;
    if (distance < reach) [best, reach] = [point, distance];
  }
  return best;
}

/** Draw the groups; those not `lit` are faint, unless none is. `chosen` is a point that is marked. */
export function draw(canvas, groups, view, lit, chosen) {
  const size = sizeOfCanvas(canvas);
  const ratio = window.devicePixelRatio || 1;
  canvas.width = size.width * ratio;
  canvas.height = size.height * ratio;
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  for (const group of groups) {
    context.fillStyle = colourOf(group.colour);
    context.globalAlpha = !lit || lit === group.name ? 0.85 : 0.12;
    for (const point of group.points) shape(context, group.shape, ...toScreen(point, view, size));
  }
  if (chosen) ring(context, getComputedStyle(canvas).color, ...toScreen(chosen, view, size));
}

export function sizeOfCanvas(canvas) {
  return { width: canvas.clientWidth, height: canvas.clientHeight };
}

/** A colour of the style sheet as it is now, light or dark; the legend has an element of each. */
function colourOf(name) {
  return getComputedStyle(document.querySelector(`[data-colour="${name}"]`)).color;
}

function sizeOf(width, height) {
  return Math.max(1, Math.min(width, height) - 2 * MARGIN);
}

function shape(context, name, x, y) {
  context.beginPath();
  if (name === "circle") context.arc(x, y, RADIUS, 0, 2 * Math.PI);
  else if (name === "square") context.rect(x - RADIUS * 0.9, y - RADIUS * 0.9, RADIUS * 1.8, RADIUS * 1.8);
  else if (name === "triangle") corners(context, x, y, [[0, -1.25], [1.1, 0.8], [-1.1, 0.8]]);
  else if (name === "diamond") corners(context, x, y, [[0, -1.3], [1.3, 0], [0, 1.3], [-1.3, 0]]);
  else {
    context.rect(x - RADIUS, y - 1, 2 * RADIUS, 2);
    context.rect(x - 1, y - RADIUS, 2, 2 * RADIUS);
  }
  context.fill();
}

function corners(context, x, y, places) {
  for (const [index, [dx, dy]] of places.entries()) {
    if (index) context.lineTo(x + dx * RADIUS, y + dy * RADIUS);
    else context.moveTo(x + dx * RADIUS, y + dy * RADIUS);
  }
}

function ring(context, colour, x, y) {
  context.globalAlpha = 1;
  context.strokeStyle = colour;
  context.lineWidth = 2;
  context.beginPath();
  context.arc(x, y, RADIUS + 4, 0, 2 * Math.PI);
  context.stroke();
}
