// The years and venues of a list, with how many papers each has; one press narrows the list to it.
import { html, nothing } from "../html.js";

/** `narrow(changes)` shows the list with other parameters. */
export function view({ years, venues }, asked, narrow) {
  return html`
    <div class="facets">
      <section aria-labelledby="years">
        <h2 class="small" id="years">Years</h2>
        ${asked.year_from || asked.year_to
          ? taken(span(asked), "all years", () => narrow({ year_from: "", year_to: "" }))
          : bars(years, (year) => narrow({ year_from: year, year_to: year }), "Year not known")}
        ${between(asked, narrow)}
      </section>
      <section aria-labelledby="venues">
        <h2 class="small" id="venues">Venues</h2>
        ${asked.venue ? taken(asked.venue, "all venues", () => narrow({ venue: "" })) : bars(venues, (venue) => narrow({ venue }))}
        ${venues.length || asked.venue ? nothing : html`<p class="fine">None are known.</p>`}
      </section>
    </div>
  `;
}

function span({ year_from: from, year_to: to }) {
  return from === to ? from : `${from || "…"} to ${to || "…"}`;
}

function taken(text, all, remove) {
  return html`<p><bdi>${text}</bdi> <button class="quiet" @click=${remove}>Show ${all}</button></p>`;
}

function bars(counts, choose, unknown) {
  const most = Math.max(...counts.map(({ papers }) => papers));
  return html`
    <ul class="bars plain">
      ${counts.map(({ value, papers }) =>
        value === null
          ? html`<li class="fine"><span>${unknown}</span> <span class="figure">${papers}</span></li>`
          : html`<li>
              <button @click=${() => choose(value)}><bdi>${value}</bdi> <span class="figure">${papers}</span>
                <meter min="0" max=${most} value=${papers} aria-hidden="true"></meter></button>
            </li>`,
      )}
    </ul>
  `;
}

function between({ year_from: from, year_to: to }, narrow) {
  const submit = (event) => {
    event.preventDefault();
    narrow(Object.fromEntries(new FormData(event.target)));
  };
  return html`
    <form class="between" @submit=${submit}>
      <label class="field"><span>From year</span><input name="year_from" type="number" min="0" max="9999" .value=${from} /></label>
      <label class="field"><span>To year</span><input name="year_to" type="number" min="0" max="9999" .value=${to} /></label>
      <button class="quiet">Show</button>
    </form>
  `;
}
