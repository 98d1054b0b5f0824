// The event log of the gateway.

import { $, json, make } from "./dom.js";

/** How many entries stay on the page. */
const MAX_ENTRIES = 300;

/** Text and colour of the badge, by the kind of an entry. */
const BADGES = {
  connected: ["CONNECTED", "good"],
  "connect-refused": ["DENIED", "bad"],
  allowed: ["ALLOWED", "good"],
  refused: ["DENIED", "bad"],
  refreshed: ["REFRESHED", "note"],
  closed: ["CLOSED", "note"],
  authorizer: ["AUTHORIZER", ""],
  function: ["FUNCTION", ""],
};

let run = null;

/** Shows all entries. Calls `onEntry` for each; `isMine` returns whether an entry belongs to this page's client. */
export function follow(onEntry, isMine) {
  const list = $("log");
  $("mine").addEventListener("change", () => list.classList.toggle("mine", $("mine").checked));
  $("lines").addEventListener("change", () => list.classList.toggle("quiet", !$("lines").checked));
  $("clear").addEventListener("click", () => list.replaceChildren());
  const source = new EventSource("/api/events");
  source.addEventListener("open", () => { $("log-state").textContent = ""; });
  source.addEventListener("error", () => { $("log-state").textContent = "The gateway does not respond. Reconnecting …"; });
  source.addEventListener("lost", (event) => { $("log-state").textContent = `${event.data} entries were lost: the browser was too slow.`; });
  source.addEventListener("message", (event) => {
    const [entryRun] = event.lastEventId.split("-");
    // The gateway was restarted: the shown entries belong to its previous run.
    if (run !== null && run !== entryRun) list.replaceChildren();
    run = entryRun;
    const entry = JSON.parse(event.data);
    onEntry(entry);
    add(list, entry, isMine(entry));
  });
}

/** Adds an entry at the top. A user who has scrolled down stays at the same entry. */
function add(list, entry, isMine) {
  const item = render(entry);
  if (isMine) item.classList.add("is-mine");
  if (entry.kind === "function") item.classList.add("is-line");
  const [height, isScrolled] = [list.scrollHeight, list.scrollTop > 0];
  list.prepend(item);
  if (isScrolled) list.scrollTop += list.scrollHeight - height;
  while (list.children.length > MAX_ENTRIES) list.lastElementChild.remove();
}

function render(entry) {
  const at = new Date(entry.at);
  const time = make("time", { datetime: at.toISOString() }, at.toLocaleTimeString([], { hour12: false }));
  const isDenial = entry.kind === "authorizer" && !entry.lets_in;
  const [badge, kind] = isDenial ? ["AUTHORIZER", "bad"] : BADGES[entry.kind] ?? [entry.kind, ""];
  const head = make("div", { class: "head" }, time, make("span", { class: `badge ${kind}` }, badge));
  if (entry.client) head.append(make("span", { class: "client mono" }, entry.client));
  head.append(make("div", { class: "text" }, ...describe(entry).filter(Boolean)));
  return make("li", {}, head, ...details(entry));
}

function describe(entry) {
  const reason = entry.reason && make("div", { class: "reason" }, entry.reason);
  switch (entry.kind) {
    case "allowed": case "refused": return [make("code", {}, `${entry.action} ${entry.resource}`), reason];
    case "connected": return [`principal ${entry.principal.slice(0, 16)}${entry.principal.length > 16 ? "…" : ""}`, reason];
    case "refreshed": return ["The authorizer was called again. Its new policy applies."];
    case "authorizer": return [outcome(entry)];
    case "function": return describeLine(entry);
    default: return [reason];
  }
}

function outcome(entry) {
  const result = entry.error ? "no response" : `isAuthenticated ${entry.lets_in}`;
  return `${result}, after ${entry.millis.toFixed(1)} ms`;
}

/** Describes a line of the function: the main members of a JSON object, or the text. */
function describeLine(entry) {
  const fields = parse(entry.text);
  if (!fields) return [make("code", {}, entry.text)];
  const { decision, code, detail, policies, hint, message } = fields;
  const parts = [decision, code, detail, Array.isArray(policies) ? policies.join(", ") : null, message];
  const text = parts.filter((part) => typeof part === "string" && part !== "").join(" · ");
  return [text || "JSON", typeof hint === "string" ? make("div", { class: "reason" }, hint) : null];
}

/** Returns the object in a line, or null. */
function parse(text) {
  try {
    const value = JSON.parse(text);
    return value && typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}

function details(entry) {
  const part = (title, value) => [make("h3", {}, title), make("pre", {}, ...json(value))];
  if (entry.kind === "authorizer") {
    const response = entry.error ? [make("p", { class: "fault" }, entry.error)] : part("Response", entry.answer);
    return [make("details", {}, make("summary", {}, "Event and response"), ...part("Event, secrets masked", entry.event), ...response)];
  }
  const fields = entry.kind === "function" && parse(entry.text);
  return fields ? [make("details", {}, make("summary", {}, "Line"), make("pre", {}, ...json(fields)))] : [];
}
