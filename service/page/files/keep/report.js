// What became of the records of a file, line by line.
import { html, nothing } from "../html.js";
import { count } from "../text.js";

const SHOWN = 200;

/** The report of an ingest. */
export function report(done) {
  const { added, updated, unchanged, rejected, more_rejected: others = 0, notes = [], merged = [] } = done;
  const counts = [
    [added, "added"],
    [updated, "updated"],
    [unchanged, "unchanged"],
    [merged.length, "merged"],
    [rejected.length + others, "rejected"],
  ];
  return html`
    <p>
      ${counts.filter(([number]) => number).map(([number, what]) => `${number.toLocaleString("en")} ${what}`).join(", ") || "No record was found"}.
      <span class="fine">${done.library} now has ${count(done.papers, "paper")}.</span>
    </p>
    ${table("Rejected", rejected.map(({ line, reason }) => [line, reason]), others)}
    ${table("Merged", merged.map(({ line, record, into, because }) => [line, `${record} into ${into}: ${because}`]))}
    ${table("Noted", notes.map(({ line, text }) => [line, text]))}
  `;
}

function table(name, rows, others = 0) {
  if (!rows.length) return nothing;
  const left = rows.length + others - Math.min(rows.length, SHOWN);
  return html`
    <table>
      <caption>${name}</caption>
      <thead><tr><th scope="col">Line</th><th scope="col">Why</th></tr></thead>
      <tbody>
        ${rows.slice(0, SHOWN).map(([line, why]) => html`<tr><td class="figure">${line}</td><td dir="auto">${why}</td></tr>`)}
      </tbody>
    </table>
    ${left > 0 ? html`<p class="fine">And ${left.toLocaleString("en")} more.</p>` : nothing}
  `;
}
