// The event log of the gateway, grouped by connection. `entries.js` renders the entries.

import { $, make, parseObject, show } from "./dom.js";
import { calls, isForAll, outcomeOf, render, time } from "./entries.js";

/** How many groups stay on the page, and how many entries of a group are shown at once. */
const MAX_GROUPS = 60;
const SHOWN_ENTRIES = 6;
const MAX_ENTRIES = 200;

/** Groups by connection id. Entries without one are groups of their own. */
const groups = new Map();
/** Lines of the function whose connection is not known yet. Lines of the gateway's own previews never are. */
const waitingLines = new Map();
/** Labels by connection id. A label may come before the entries of its connection. */
const labels = new Map();
let isMine = () => false;
let run = null;

/** Shows all entries. Calls `onEntry` for each; `isMineId` returns whether a client id belongs to this page. */
export function follow(onEntry, isMineId) {
  isMine = isMineId;
  $("mine").addEventListener("change", () => { $("log").classList.toggle("mine", $("mine").checked); showHidden(); });
  $("clear").addEventListener("click", clear);
  const source = new EventSource("/api/events");
  source.addEventListener("open", () => { $("log-state").textContent = ""; });
  source.addEventListener("error", () => { $("log-state").textContent = "The gateway does not respond. Reconnecting …"; });
  source.addEventListener("lost", (event) => { $("log-state").textContent = `${event.data} entries were lost: the browser was too slow.`; });
  source.addEventListener("message", (event) => {
    const [entryRun] = event.lastEventId.split("-");
    // The gateway was restarted: the shown entries belong to its previous run.
    if (run !== null && run !== entryRun) clear();
    run = entryRun;
    const entry = JSON.parse(event.data);
    if (entry.kind === "function") entry.connection_id = parseObject(entry.text)?.connection_id;
    add(entry);
    onEntry(entry);
  });
}

function clear() {
  $("log").replaceChildren();
  groups.clear();
  showHidden();
}

function add(entry) {
  if (entry.kind === "function" && entry.connection_id && !groups.has(entry.connection_id)) {
    if (waitingLines.size > 100) waitingLines.clear();
    waitingLines.set(entry.connection_id, entry);
    return;
  }
  const group = groups.get(idOf(entry)) ?? open(entry);
  const line = waitingLines.get(group.id);
  if (entry.kind === "authorizer" && line) {
    waitingLines.delete(group.id);
    append(group, entry);
    append(group, line);
  } else {
    append(group, entry);
  }
  refresh();
}

const idOf = (entry) => entry.connection ?? entry.connection_id ?? `entry ${entry.number}`;

function open(entry) {
  const state = make("span", { class: "badge" });
  const name = make("span", { class: "client mono" });
  const count = make("span", { class: "count" });
  const entries = make("ul", {});
  const earlier = make("details", { class: "earlier" }, make("summary", {}), make("ul", {}));
  earlier.hidden = true;
  const element = make("article", { class: "group" }, make("div", { class: "head" }, time(entry.at), state, name, count), entries, earlier);
  const group = { id: idOf(entry), client: null, element, state, name, count, entries, earlier, length: 0, call: null, isForAll: isForAll(entry) };
  groups.set(group.id, group);
  while (groups.size > MAX_GROUPS) {
    const [oldest] = groups.keys();
    groups.get(oldest).element.remove();
    groups.delete(oldest);
  }
  return group;
}

/** Adds an entry to its group, newest first, and moves the group to the top. */
function append(group, entry) {
  group.client ??= entry.client;
  if (entry.kind === "function" && group.call?.addLine(entry)) return;
  const item = entry.kind === "authorizer" ? (group.call = calls(entry)).element : render(entry);
  group.entries.prepend(item);
  group.length += 1;
  const [summary, list] = group.earlier.children;
  while (group.entries.children.length > SHOWN_ENTRIES) list.prepend(group.entries.lastElementChild);
  while (list.children.length > MAX_ENTRIES) list.lastElementChild.remove();
  group.earlier.hidden = list.children.length === 0;
  summary.textContent = `${list.children.length} earlier`;
  showHead(group, entry);
  const log = $("log");
  const [height, isScrolled] = [log.scrollHeight, log.scrollTop > 0];
  if (log.firstElementChild !== group.element) log.prepend(group.element);
  // A user who has scrolled down stays at the same entry.
  if (isScrolled) log.scrollTop += log.scrollHeight - height;
}

function showHead(group, entry) {
  const [badge, kind] = outcomeOf(entry) ?? [];
  if (badge) [group.state.textContent, group.state.className] = [badge, `badge ${kind}`];
  group.name.textContent = group.client ?? (entry.connection && entry.kind !== "protocol-error" ? "HTTPS publish" : "");
  group.element.setAttribute("aria-label", group.client ? `Connection of ${group.client}` : "Entry without a client id");
  group.count.textContent = [labels.get(group.id), group.length > 1 ? `${group.length} entries` : ""].filter(Boolean).join(" · ");
}

/** Labels the group of a connection, such as that of a preview. */
export function label(id, text) {
  labels.set(id, text);
  const group = groups.get(id);
  if (group) group.count.textContent = text;
}

/** Marks the groups of this page, whose client ids may have changed, and those about the whole gateway. */
export function refresh() {
  for (const group of groups.values()) {
    group.element.classList.toggle("is-mine", group.client === null ? group.isForAll : isMine(group.client));
  }
  showHidden();
}

function showHidden() {
  const hidden = $("mine").checked ? $("log").querySelectorAll(":scope > .group:not(.is-mine)").length : 0;
  $("hidden-count").textContent = hidden ? `(${hidden} other${hidden === 1 ? "" : "s"} hidden)` : "";
  show("log-empty", groups.size === hidden);
}
