// How the points of a map are told apart: by year in five spans, or by venue, each with a colour and a shape.
export const SHAPES = ["circle", "square", "triangle", "diamond", "cross"];

const SPANS = 5;
const VENUES = 4;

/** The groups of some points, `{name, colour, shape, points}`; `colour` is the name of a CSS property. */
export function groups(points, by) {
  return by === "venue" ? byVenue(points) : byYear(points);
}

function byYear(points) {
  const dated = points.filter(({ year }) => year).sort((a, b) => a.year - b.year);
  const years = [...new Set(dated.map(({ year }) => year))];
  const spans = Math.min(SPANS, years.length);
  const found = Array.from({ length: spans }, (_, index) => {
    const own = years.slice(Math.round((index * years.length) / spans), Math.round(((index + 1) * years.length) / spans));
    const [first, last] = [own[0], own.at(-1)];
    const name = first === last ? `${first}` : `${first} to ${last}`;
    const step = spans === 1 ? SPANS - 1 : Math.round((index * (SPANS - 1)) / (spans - 1));
    return { name, colour: `--year-${step}`, shape: "circle", points: dated.filter(({ year }) => first <= year && year <= last) };
  });
  return withOthers(found, points.filter(({ year }) => !year), "Year not known");
}

function byVenue(points) {
  const counts = new Map();
  for (const { venue } of points) if (venue) counts.set(venue, (counts.get(venue) || 0) + 1);
  const most = [...counts].sort((a, b) => b[1] - a[1]).slice(0, VENUES).map(([venue]) => venue);
  const found = most.map((venue, index) => ({
    name: venue,
    colour: `--venue-${index}`,
    shape: SHAPES[index],
    points: points.filter((point) => point.venue === venue),
  }));
  return withOthers(found, points.filter(({ venue }) => !most.includes(venue)), "Other or not known");
}

function withOthers(found, others, name) {
  return others.length ? [{ name, colour: "--other", shape: SHAPES.at(-1), points: others }, ...found] : found;
}
