// The policy as a table, and how often each statement has decided.

import { $, clock, json, make, show } from "./dom.js";

const key = (place) => place.join("/");
let rows = new Map();

/** Asks the authorizer what the token buys. The first of the client ids that is let in counts. */
export async function preview(token, clientIds) {
  const answer = await fetch("/api/preview", {
    method: "POST",
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    body: JSON.stringify({ client_ids: clientIds }),
  });
  const found = await answer.json();
  if (!answer.ok) throw new Error(found.error);
  return found;
}

/** Shows a preview that is no refusal. */
export function draw(found) {
  rows = new Map(found.statements.map((statement) => [key(statement.place), row(statement)]));
  $("statements").replaceChildren(...rows.values());
  $("principal").textContent = found.principal.length > 20 ? `${found.principal.slice(0, 16)}…` : found.principal;
  $("principal").title = found.principal;
  const [refresh, end] = [clock(found.refresh_after), clock(found.disconnect_after)];
  $("times").textContent = `Asked again after ${refresh}, disconnected after ${end}.`;
  show("policy-waiting", false);
  show("policy");
}

function row(statement) {
  const [document, number] = statement.place;
  const allow = statement.effect === "Allow";
  const list = (items) => make("ul", {}, ...items.map((item) => make("li", {}, make("code", {}, item))));
  const condition = statement.condition && make("pre", {}, ...json(statement.condition));
  const place = make("span", { class: "place" }, `document ${document}, statement ${number}`);
  return make(
    "tr", { class: allow ? "allow" : "deny" },
    make("td", {}, make("span", { class: `badge ${allow ? "good" : "bad"}` }, String(statement.effect)), make("br"), place),
    make("td", {}, list(statement.actions)),
    make("td", {}, list(statement.resources), condition),
    make("td", { class: "number" }, "0"),
  );
}

/** Marks the statement that has just decided. */
export function mark(place) {
  const row = place && rows.get(key(place));
  if (!row) return;
  const cell = row.lastElementChild;
  cell.textContent = String(Number(cell.textContent) + 1);
  row.classList.add("hit");
  clearTimeout(row.fading);
  row.fading = setTimeout(() => row.classList.remove("hit"), 2500);
}

/** Shows none. */
export function clear() {
  rows = new Map();
  for (const id of ["policy", "policy-fault"]) show(id, false);
  show("policy-waiting");
}
