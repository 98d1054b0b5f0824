// The policy as a table, with the number of decisions that matched each statement.

import { $, clock, json, make, show as showElement } from "./dom.js";

const key = (place) => place.join("/");
let rows = new Map();

/** Returns the policy for a token and the first of the client ids that the authorizer allows. */
export async function preview(token, clientIds) {
  const response = await fetch("/api/preview", {
    method: "POST",
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    body: JSON.stringify({ client_ids: clientIds }),
  });
  const preview = await response.json();
  if (!response.ok) throw new Error(preview.error);
  return preview;
}

/** Shows an allowed preview. */
export function show(preview) {
  rows = new Map(preview.statements.map((statement) => [key(statement.place), row(statement)]));
  $("statements").replaceChildren(...rows.values());
  const { principal } = preview;
  $("principal").textContent = principal.length > 20 ? `${principal.slice(0, 16)}…` : principal;
  $("principal").title = principal;
  const [refresh, disconnect] = [clock(preview.refresh_after), clock(preview.disconnect_after)];
  $("times").textContent = `The authorizer is called again after ${refresh}; the connection ends after ${disconnect}.`;
  showElement("policy");
}

function row(statement) {
  const isAllow = statement.effect === "Allow";
  const list = (items) => make("ul", {}, ...items.map((item) => make("li", {}, make("code", {}, item))));
  const condition = statement.condition && make("pre", {}, ...json(statement.condition));
  return make(
    "tr", { class: isAllow ? "allow" : "deny" },
    make("td", {}, make("span", { class: `badge ${isAllow ? "good" : "bad"}` }, String(statement.effect)), make("div", { class: "place" }, ...place(statement))),
    make("td", {}, list(statement.actions)),
    make("td", {}, list(statement.resources), condition),
    make("td", { class: "number" }, "0"),
  );
}

/** The lines of the policy files that a statement comes from, or its place in the response if they are not known. */
function place({ place: [document, number], sources }) {
  const position = `document ${document}, statement ${number}`;
  if (!sources?.length) return [position];
  return [make("ul", { title: position }, ...sources.map((source) => make("li", {}, make("code", {}, source))))];
}

/** Counts a decision of a statement, and highlights its row. */
export function mark(place) {
  const row = place && rows.get(key(place));
  if (!row) return;
  const cell = row.lastElementChild;
  cell.textContent = String(Number(cell.textContent) + 1);
  row.classList.add("hit");
  clearTimeout(row.highlightTimer);
  row.highlightTimer = setTimeout(() => row.classList.remove("hit"), 2500);
}

/** Removes the policy from the page. */
export function clear() {
  rows = new Map();
  for (const id of ["policy", "policy-error"]) showElement(id, false);
}
