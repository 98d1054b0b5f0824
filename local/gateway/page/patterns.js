// The cards of the patterns, each with a live run.

import { PATTERNS } from "./cards.js";
import { $, copyOn, make, show } from "./dom.js";
import { Run } from "./run.js";

/** The run that is under way. The gateway runs one at a time. */
let current = null;

function card(pattern, demos) {
  const isRunnable = demos.includes(pattern.demo);
  const hasDemo = isRunnable || demos.length === 0;
  const command = `cargo local demo ${pattern.demo}`;
  const copy = make("button", { type: "button", class: "small" }, "Copy");
  copy.setAttribute("aria-label", `Copy the command of ${pattern.title}`);
  copyOn(copy, () => command);
  const run = make("button", { type: "button", class: "run primary", "aria-label": `Run live: ${pattern.title}` }, "Run live");
  const output = make("div", { class: "output" });
  output.hidden = true;
  run.addEventListener("click", () => toggle(pattern, run, output));
  const id = `title-${pattern.demo}`;
  return make(
    "section", { class: "card", id: pattern.demo, "aria-labelledby": id },
    make("h2", { id }, pattern.title),
    make("p", { class: "fine" }, `For ${pattern.who}`),
    make("p", { class: "chain" }, pattern.steps),
    make("dl", {}, make("div", {}, make("dt", {}, "Use it for"), make("dd", {}, pattern.use)),
      make("div", {}, make("dt", {}, "Not for"), make("dd", {}, pattern.not))),
    hasDemo ? make("p", { class: "row command" }, make("code", { class: "grow" }, command), copy) : make("p", { class: "fine" }, "No live run yet."),
    make("p", { class: "row" }, ...(isRunnable ? [run] : []),
      make("a", { href: `/docs/${pattern.docs}` }, `docs/${pattern.docs}`),
      ...(pattern.here ? [make("a", { href: "/" }, pattern.here)] : [])),
    output,
  );
}

/** Starts a run, or stops the one of this card. */
async function toggle(pattern, button, output) {
  if (current) return current.stop();
  current = new Run(pattern.demo, output);
  const label = button.getAttribute("aria-label");
  showButtons(button, `Stop: ${pattern.title}`, "Stop");
  await current.finish();
  current = null;
  showButtons(null);
  button.textContent = "Run again";
  button.setAttribute("aria-label", label.replace(/^Run \w+/, "Run again"));
  return null;
}

/** While a card runs, its button stops it and the others are disabled. */
function showButtons(running, label, text) {
  for (const button of document.querySelectorAll("button.run")) button.disabled = running !== null && button !== running;
  if (!running) return;
  running.setAttribute("aria-label", label);
  running.textContent = text;
}

async function start() {
  try {
    const response = await fetch("/api/gateway");
    if (!response.ok) throw new Error(await response.text());
    const { demos } = await response.json();
    show("demos-off", demos.length === 0);
    $("cards").replaceChildren(...PATTERNS.map((pattern) => card(pattern, demos)));
  } catch (error) {
    $("page-error").textContent = `The gateway does not respond: ${error.message}`;
    show("page-error");
  }
}

start();
