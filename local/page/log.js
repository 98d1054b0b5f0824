// The door's journal, as it is written.

import { $, json, make } from "./dom.js";

/** Most entries that stay on the page. */
const MOST = 300;

/** What the badge of an entry says, and how it is meant. */
const BADGES = {
  connected: ["CONNECTED", "good"],
  "connect-refused": ["REFUSED", "bad"],
  allowed: ["ALLOWED", "good"],
  refused: ["REFUSED", "bad"],
  refreshed: ["REFRESHED", "note"],
  closed: ["CLOSED", "note"],
  authorizer: ["AUTHORIZER", ""],
  function: ["FUNCTION", ""],
};

let run = null;

/** Reads along. `take` gets each entry; `mine` says whether one belongs to this page's client. */
export function follow(take, mine) {
  const list = $("log");
  $("mine").addEventListener("change", () => list.classList.toggle("mine", $("mine").checked));
  $("lines").addEventListener("change", () => list.classList.toggle("quiet", !$("lines").checked));
  $("clear").addEventListener("click", () => list.replaceChildren());
  const source = new EventSource("/api/events");
  source.addEventListener("open", () => { $("log-state").textContent = ""; });
  source.addEventListener("error", () => { $("log-state").textContent = "The door does not answer. Trying again …"; });
  source.addEventListener("lost", (event) => { $("log-state").textContent = `${event.data} entries were too fast and are lost.`; });
  source.addEventListener("message", (event) => {
    const [door] = event.lastEventId.split("-");
    // Another run of the door has nothing to do with what is shown.
    if (run !== null && run !== door) list.replaceChildren();
    run = door;
    const entry = JSON.parse(event.data);
    take(entry);
    write(list, entry, mine(entry));
  });
}

/** The newest entry comes first, where it is seen; readers who have scrolled down stay where they are. */
function write(list, entry, isMine) {
  const item = draw(entry);
  if (isMine) item.classList.add("is-mine");
  if (entry.kind === "function") item.classList.add("is-line");
  const [height, away] = [list.scrollHeight, list.scrollTop > 0];
  list.prepend(item);
  if (away) list.scrollTop += list.scrollHeight - height;
  while (list.children.length > MOST) list.lastElementChild.remove();
}

function draw(entry) {
  const at = new Date(entry.at);
  const time = make("time", { datetime: at.toISOString() }, at.toLocaleTimeString([], { hour12: false }));
  const refusing = entry.kind === "authorizer" && !entry.lets_in;
  const [badge, kind] = refusing ? ["AUTHORIZER", "bad"] : BADGES[entry.kind] ?? [entry.kind, ""];
  const head = make("div", { class: "head" }, time, make("span", { class: `badge ${kind}` }, badge));
  if (entry.client) head.append(make("span", { class: "client mono" }, entry.client));
  head.append(make("div", { class: "what" }, ...what(entry).filter(Boolean)));
  return make("li", {}, head, ...more(entry));
}

function what(entry) {
  const why = entry.reason && make("div", { class: "why" }, entry.reason);
  switch (entry.kind) {
    case "allowed": case "refused": return [make("code", {}, `${entry.action} ${entry.resource}`), why];
    case "connected": return [`principal ${entry.principal.slice(0, 16)}${entry.principal.length > 16 ? "…" : ""}`, why];
    case "refreshed": return ["The authorizer was asked again: the new policy holds."];
    case "authorizer": return [verdict(entry)];
    case "function": return line(entry);
    default: return [why];
  }
}

function verdict(entry) {
  const said = entry.error ? "no answer" : `isAuthenticated ${entry.lets_in}`;
  return `${said}, after ${entry.millis.toFixed(1)} ms`;
}

/** The function's own log line: of JSON, what matters first. */
function line(entry) {
  const fields = parse(entry.text);
  if (!fields) return [make("code", {}, entry.text)];
  const { decision, code, detail, policies, hint, message } = fields;
  const shown = [decision, code, detail, Array.isArray(policies) ? policies.join(", ") : null, message];
  const said = shown.filter((part) => typeof part === "string" && part !== "").join(" · ");
  return [said || "a line of JSON", typeof hint === "string" ? make("div", { class: "why" }, hint) : null];
}

function parse(text) {
  try {
    const value = JSON.parse(text);
    return value && typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}

function more(entry) {
  const part = (title, value) => [make("h3", {}, title), make("pre", {}, ...json(value))];
  if (entry.kind === "authorizer") {
    const answer = entry.error ? [make("p", { class: "fault" }, entry.error)] : part("Answer", entry.answer);
    return [make("details", {}, make("summary", {}, "Event and answer"), ...part("Event, secrets masked", entry.event), ...answer)];
  }
  const fields = entry.kind === "function" && parse(entry.text);
  return fields ? [make("details", {}, make("summary", {}, "Line"), make("pre", {}, ...json(fields)))] : [];
}
