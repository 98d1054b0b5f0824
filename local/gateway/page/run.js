// A live run: the gateway runs a demo and streams its steps, which are shown as they end.

import { make } from "./dom.js";

export class Run {
  #name;
  #status = make("p", { class: "status", role: "status" });
  #clock = make("span", { class: "fine" });
  #progress = make("p", { class: "fine progress" });
  #sections = make("div", {});
  #abort = new AbortController();
  #hasStopped = false;
  #hasEnded = false;
  #seconds = 0;
  /** The list of the section that is under way. */
  #steps = null;

  /** Shows the run of a demo in an element. */
  constructor(name, output) {
    this.#name = name;
    output.replaceChildren(make("p", { class: "row" }, this.#status, this.#clock), this.#progress, this.#sections);
    output.hidden = false;
  }

  stop() {
    this.#hasStopped = true;
    this.#abort.abort();
  }

  /** Runs the demo to its end, and shows errors. */
  async finish() {
    this.#status.textContent = "Starting the clients and their gateway …";
    const timer = setInterval(() => { this.#clock.textContent = `${this.#seconds += 1} s`; }, 1000);
    try {
      await this.#read();
      if (!this.#hasEnded) this.#fail("The run has ended before its last step. Does the gateway still run?");
    } catch (error) {
      if (this.#hasStopped) this.#show("note", "STOPPED", "The clients and their gateway are gone.");
      else this.#fail(error.message);
    }
    clearInterval(timer);
    this.#progress.textContent = "";
  }

  async #read() {
    const body = JSON.stringify({ name: this.#name });
    const response = await fetch("/api/demo", { method: "POST", body, signal: this.#abort.signal });
    if (!response.ok) {
      const text = await response.text();
      throw new Error(response.headers.get("content-type") === "application/json" ? JSON.parse(text).error : text);
    }
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      const lines = (rest + part.value).split("\n");
      rest = lines.pop();
      // Empty lines are heartbeats.
      for (const line of lines.filter((text) => text !== "")) this.#handle(JSON.parse(line));
    }
  }

  #handle(line) {
    switch (line.kind) {
      case "note": this.#sections.append(make("p", { class: "fine" }, line.text)); break;
      case "section": this.#open(line.section); break;
      case "action": this.#add(line); break;
      case "progress": this.#progress.textContent = line.text; break;
      case "end": this.#end(line); break;
      case "failed": this.#fail("The demo failed.", line.reason); break;
      default: break;
    }
  }

  #open(title) {
    this.#status.textContent = `Running: ${title} …`;
    this.#progress.textContent = "";
    this.#steps = make("ol", { class: "steps" });
    this.#sections.append(make("h3", {}, ...withCode(title)), this.#steps);
  }

  #add(step) {
    if (!this.#steps) this.#open(this.#name);
    this.#steps.append(renderStep(step));
  }

  #end({ ok, expected, actions }) {
    this.#show(ok ? "good" : "bad", ok ? "DONE" : "WRONG", `${expected} of ${actions} steps had the expected result.`);
  }

  #fail(text, details = "") {
    this.#show("bad", "FAILED", text);
    if (details) this.#sections.append(make("pre", { tabindex: "0", role: "region", "aria-label": "Error of the demo" }, details));
  }

  #show(kind, badge, text) {
    this.#hasEnded = true;
    this.#status.replaceChildren(make("span", { class: `badge ${kind}` }, badge), ` ${text}`);
  }
}

/** A text whose parts in back-ticks are code. */
const withCode = (text) => text.split("`").map((part, index) => (index % 2 ? make("code", {}, part) : part));

/** Text and colour of a step: of a call, of an action of a client, or of an observation, which allows nothing. */
function badgeOf(allowed, isCall) {
  if (allowed === null) return ["OBSERVED", "note"];
  if (isCall) return allowed ? ["DONE", "good"] : ["FAILED", "bad"];
  return allowed ? ["ALLOWED", "good"] : ["DENIED", "bad"];
}

/** A step: its outcome, what the client sees, and what only the operator sees. */
function renderStep({ action, object, allowed, response, code, reason, hint, expected }) {
  const isCall = reason === null;
  const [badge, kind] = badgeOf(allowed, isCall);
  const mark = make("span", { class: `mark ${expected ? "good" : "bad"}`, role: "img", "aria-label": expected ? "as expected" : "not as expected" }, expected ? "✓" : "✗");
  // The hint has a line of its own.
  const [text, ...further] = (reason ?? "").split("; help: ")[0].split("; ");
  return make(
    "li", {},
    make("div", { class: "head" }, mark, make("span", { class: `badge ${kind}` }, badge), make("span", {}, `${action} `, make("code", {}, object))),
    response ? make("div", { class: "response" }, isCall ? make("code", {}, response) : response) : null,
    text ? make("div", { class: "reason" }, allowed ? "" : "Reason: ", text, ...further.map((part) => make("span", {}, part))) : null,
    code && !text.includes(code) ? make("div", { class: "reason" }, `Code: ${code}`) : null,
    hint ? make("div", { class: "hint" }, make("strong", {}, "Fix: "), hint.startsWith("aws ") ? make("code", {}, hint) : hint) : null,
  );
}
