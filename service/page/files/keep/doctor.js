// Keeps a library in order: what the doctor finds, building the indexes again, deleting it.
import { address, get, request } from "../api.js";
import { html, nothing, refresh } from "../html.js";
import { libraries, load } from "../libraries.js";
import { problem } from "../problem.js";

const SIGNS = { ok: "✓", warning: "!", fault: "✗" };

const order = { findings: null, told: "", busy: "", removing: false, problem: null };

/** The section of the page. */
export function doctor() {
  return html`
    <section class="order" aria-labelledby="order">
      <h2 id="order">Keep ${libraries.chosen || "it"} in order</h2>
      <p>
        <button class="button" ?disabled=${order.busy} @click=${examine}>${order.busy === "doctor" ? "Checking…" : "Check everything"}</button>
        <button class="button" ?disabled=${order.busy} @click=${rebuild}>${order.busy === "rebuild" ? "Building…" : "Build the indexes again"}</button>
      </p>
      ${libraries.chosen ? removal() : nothing}
      <p class="fine" role="status">${order.told}</p>
      ${problem(order.problem)}
      ${order.findings
        ? html`<table>
            <caption>What the doctor found</caption>
            <thead><tr><th scope="col">Part</th><th scope="col">Verdict</th><th scope="col">Found</th></tr></thead>
            <tbody>${order.findings.map(row)}</tbody>
          </table>`
        : nothing}
    </section>
  `;
}

function removal() {
  const set = (removing) => () => {
    order.removing = removing;
    refresh();
  };
  if (!order.removing) return html`<p><button class="quiet" @click=${set(true)}>Delete this library</button></p>`;
  return html`
    <p role="group" aria-label="Delete the library">
      Delete ${libraries.chosen} with all its papers?
      <button class="button" ?disabled=${order.busy} @click=${remove}>Delete</button>
      <button class="quiet" @click=${set(false)}>Keep</button>
    </p>
  `;
}

function remove() {
  return attempt("remove", async () => {
    const name = libraries.chosen;
    await request("DELETE", `/v1/libraries/${name}`);
    order.removing = false;
    await load();
    return `The library ${name} is deleted.`;
  });
}

function row({ part, verdict, message, remedy }) {
  return html`
    <tr>
      <td>${part}</td>
      <td class=${verdict}><span aria-hidden="true">${SIGNS[verdict]}</span> ${verdict}</td>
      <td>${message}${remedy ? html`<br /><strong>${remedy}</strong>` : nothing}</td>
    </tr>
  `;
}

function examine() {
  return attempt("doctor", async () => {
    order.findings = (await get(address("/v1/doctor", { library: libraries.chosen }))).findings;
    return "";
  });
}

function rebuild() {
  return attempt("rebuild", async () => {
    const { library, papers } = await request("POST", `/v1/libraries/${libraries.chosen}/rebuild`);
    return `The indexes of ${library} are built again, over ${papers.toLocaleString("en")} papers.`;
  });
}

async function attempt(name, action) {
  Object.assign(order, { busy: name, told: "", problem: null });
  refresh();
  try {
    order.told = await action();
  } catch (error) {
    order.problem = error;
  }
  order.busy = "";
  refresh();
}
