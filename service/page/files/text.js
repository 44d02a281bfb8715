// Works on the text of answers and abstracts. Offsets of the service count characters, those of JavaScript UTF-16 units.

/** Pieces of an abstract: `{text, lit, strong}`. `quotes` are `{start, end, words}`; those of words lie in the quote. */
export function lightUp(text, quotes) {
  const characters = Array.from(text);
  const edges = new Set([0, characters.length]);
  for (const { start, end, words } of quotes) {
    for (const edge of [start, end, ...words.flat()]) edges.add(edge);
  }
  const inside = (at, spans) => spans.some(([start, end]) => start <= at && at < end);
  const ordered = [...edges].sort((a, b) => a - b);
  const lit = quotes.map(({ start, end }) => [start, end]);
  const strong = quotes.flatMap(({ words }) => words);
  return ordered.slice(0, -1).map((from, index) => ({
    text: characters.slice(from, ordered[index + 1]).join(""),
    lit: inside(from, lit),
    strong: inside(from, strong),
  }));
}

/** Where a quote stands in a text, as a quote for `lightUp`; none where it does not. */
export function find(text, quote) {
  const at = text.indexOf(quote);
  if (at < 0) return [];
  const start = Array.from(text.slice(0, at)).length;
  return [{ start, end: start + Array.from(quote).length, words: [] }];
}

/**
 * The lines of an answer: `{item, parts}`. A part is a run of text, `{text, sentence}`, or a word with the marks behind
 * it, `{text, marks, sentence}`, each mark with its `number` and `sentence`. `sentence` is the index of the sentence
 * that something belongs to, or -1. `item` says that the line is one of a list.
 */
export function lines(text, sentences) {
  const tokens = tokenize(text);
  const ranges = place(tokens.filter((token) => token.text).map((token) => token.text).join(""), sentences);
  const found = [{ item: false, parts: [] }];
  let at = 0;
  for (const token of tokens) {
    if (token.number) {
      found.at(-1).parts.push({ number: token.number, sentence: sentenceAt(ranges, at) });
      continue;
    }
    for (const [index, line] of token.text.split("\n").entries()) {
      if (index > 0) {
        found.push({ item: false, parts: [] });
        at += 1;
      }
      pushText(found.at(-1), line, at, ranges);
      at += line.length;
    }
  }
  return found.filter(({ parts }) => parts.length).map(unbullet).map(tied);
}

/** What nothing can move any more of a text that is being written: all but its last word, with the marks behind that. */
export function settled(text) {
  return text.replace(/\S{0,40}(?:[ \u00a0]?\[\d+\])*$/, "");
}

/** A text and the marks in it, without the space before them; a mark stands behind the stop that follows it. */
function tokenize(text) {
  const tokens = [];
  let last = 0;
  for (const match of text.matchAll(/((?:[ \u00a0]?\[\d{1,4}\])+)([.,;:!?]?)/g)) {
    const before = text.slice(last, match.index) + match[2];
    if (before) tokens.push({ text: before });
    for (const [number] of match[1].matchAll(/\d+/g)) tokens.push({ number: Number(number) });
    last = match.index + match[0].length;
  }
  if (last < text.length) tokens.push({ text: text.slice(last) });
  return tokens;
}

function place(plain, sentences) {
  let from = 0;
  return sentences.map(({ text }) => {
    const start = plain.indexOf(text, from);
    if (start < 0) return [0, 0];
    from = start + text.length;
    return [start, from];
  });
}

function sentenceAt(ranges, at) {
  return ranges.findIndex(([start, end]) => start < at && at <= end);
}

/** The text of a line in its sentences. The blank between two goes with the second, so that parts stay what they were. */
function pushText(line, text, at, ranges) {
  let from = 0;
  const edges = ranges.flat().map((edge) => edge - at).filter((edge) => edge > 0 && edge < text.length);
  for (const to of [...edges, text.length]) {
    if (to <= from || (!text.slice(from, to).trim() && to < text.length)) continue;
    line.parts.push({ text: text.slice(from, to), sentence: sentenceAt(ranges, at + to) });
    from = to;
  }
}

function unbullet({ parts }) {
  const [first, ...others] = parts;
  const bullet = /^\s*[-*\u2022]\s+/.exec(first.text || "");
  if (!bullet) return { item: false, parts };
  const rest = { ...first, text: first.text.slice(bullet[0].length) };
  return { item: true, parts: rest.text ? [rest, ...others] : others };
}

/** Marks tied to the word before them, so that no line begins with one: `{text, marks, sentence}`. */
function tied({ item, parts }) {
  const found = [];
  for (const part of parts) {
    const last = found.at(-1);
    if (!part.number) found.push(part);
    else if (last?.marks) last.marks.push(part);
    else if (!last) found.push({ text: "", marks: [part], sentence: part.sentence });
    else found.splice(-1, 1, ...lastWord(last, part));
  }
  return { item, parts: found };
}

function lastWord({ text, sentence }, mark) {
  const at = text.lastIndexOf(" ") + 1;
  const word = { text: text.slice(at), marks: [mark], sentence };
  return at ? [{ text: text.slice(0, at), sentence }, word] : [word];
}

/** Up to two names, then "et al."; empty for none. */
export function byline(authors) {
  if (!authors || !authors.length) return "";
  return authors.length > 2 ? `${authors[0]} et al.` : authors.join(" and ");
}

/** Who, where and when, of what is known. */
export function imprint(paper) {
  return [byline(paper.authors), paper.venue, paper.year].filter(Boolean).join(" · ");
}

/** A web address that is safe to follow, or nothing. */
export function webAddress(url) {
  return /^https?:\/\//i.test(url || "") ? url : undefined;
}

/** "1 paper", "2,100 papers". */
export function count(number, one, many = `${one}s`) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

/** A day of a timestamp: "3 May 2026". */
export function day(timestamp) {
  return new Date(timestamp).toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });
}
