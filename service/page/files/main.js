// Starts the page: which view stands at which address, and how it is drawn.
import { page as add } from "./keep/page.js";
import { page as watches } from "./keep/watches.js";
import { page as answer } from "./ask/receipt.js";
import { page as ask } from "./ask/page.js";
import { drawWith, nothing, render } from "./html.js";
import { isAsked, listen, view as key } from "./key.js";
import { foldRail } from "./layout.js";
import { load } from "./libraries.js";
import { page as map } from "./look/page.js";
import { page as paper } from "./read/paper.js";
import { page as search } from "./read/search.js";
import { page, start } from "./router.js";
import { applyTheme } from "./theme.js";

const root = document.getElementById("page");

applyTheme();
listen();
drawWith(() => render(isAsked() ? key() : (page()?.view() ?? nothing), root));
document.addEventListener("click", (event) => event.target.closest?.("a[href]") && foldRail());
try {
  await load();
} catch {
  // each page says what it can't load
}
start({ ask, answer, search, paper, map, watches, add });
