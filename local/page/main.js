// The page: login, what it buys, connection, actions. Nothing outlives the tab, tokens least of all.

import { $, clock, json, make, show, tell } from "./dom.js";
import * as login from "./login.js";
import * as policy from "./policy.js";
import * as client from "./client.js";
import * as log from "./log.js";

const state = { door: null, token: null, expires: 0, preview: null, refusals: new Map() };

async function start() {
  log.follow(hear, client.isMine);
  setInterval(tick, 250);
  $("login").addEventListener("click", () => attempt("login-fault", () => login.begin(issuer(), state.door.client_id)));
  $("logout").addEventListener("click", logout);
  $("copy").addEventListener("click", copy);
  $("connect-form").addEventListener("submit", on(connectOrNot));
  $("subscribe-form").addEventListener("submit", on(() => act("subscribe", $("filter").value)));
  $("publish-form").addEventListener("submit", on(() => act("publish", $("topic").value)));
  await attempt("login-fault", async () => {
    const answer = await fetch("/api/door");
    state.door = await answer.json();
    issuers(state.door.issuers);
    const token = await login.finish();
    if (token) await loggedIn(token);
  });
}

const on = (what) => (event) => { event.preventDefault(); what(); };

async function attempt(fault, what) {
  show(fault, false);
  try {
    await what();
  } catch (error) {
    $(fault).textContent = error.message;
    show(fault);
  }
}

function issuers(list) {
  const several = list.length > 1;
  $("issuer").replaceChildren(...list.map((each) => make("option", { value: each.id }, each.issuer)));
  for (const id of ["issuer", "issuer-label"]) show(id, several);
  $("login").disabled = list.length === 0;
}

const issuer = () => state.door.issuers.find((each) => each.id === $("issuer").value) ?? state.door.issuers[0];

async function loggedIn(token) {
  const { header, payload } = login.parts(token);
  [state.token, state.expires] = [token, payload.exp];
  $("who").textContent = payload.sub;
  $("token-header").replaceChildren(...json(header));
  $("token-payload").replaceChildren(...json(payload));
  show("logged-out", false);
  show("logged-in");
  await attempt("policy-fault", () => buy(payload.sub));
}

/** Shows what the token buys, or why it buys nothing. */
async function buy(sub) {
  const fits = (id) => id.length > 0 && new TextEncoder().encode(id).length <= 128;
  const found = await policy.preview(state.token, [`${sub}/page`, sub].filter(fits));
  show("connect-form");
  show("connect-waiting", false);
  $("client-id").value = found.client_id;
  if (found.refused) {
    show("policy-waiting", false);
    state.preview = null;
    refuse(found);
    return;
  }
  state.preview = found;
  policy.draw(found);
  examples("filter", found.examples.subscribe);
  examples("topic", found.examples.publish);
  $("connect").focus();
}

/** The function's log line has the reason; it may come before or after. */
function refuse(found) {
  const line = state.refusals.get(found.connection);
  const code = line ? ` (${[line.code, line.detail].filter(Boolean).join(": ")}). ${line.hint ?? ""}` : ".";
  $("policy-fault").textContent = `Nothing: ${found.refused}${code}`;
  show("policy-fault");
  state.waiting = line ? null : found;
}

function examples(field, { allowed, refused }) {
  const button = (value, kind, badge) => {
    const made = make("button", { type: "button" }, make("span", { class: `badge ${kind}` }, badge), make("code", {}, value));
    made.addEventListener("click", () => { $(field).value = value; $(field).focus(); });
    return made;
  };
  $(field).value = allowed ?? refused ?? "";
  $(`${field}-examples`).replaceChildren(
    ...(allowed ? [button(allowed, "good", "ALLOWED")] : []),
    ...(refused ? [button(refused, "bad", "REFUSED")] : []),
  );
}

function connectOrNot() {
  if (client.isConnected()) return client.disconnect();
  tell("connect-result", "", "", "Asking …");
  client.connect($("client-id").value, state.token, state.door, changed);
}

function changed() {
  const connected = client.isConnected();
  $("connect").textContent = connected ? "Disconnect" : "Connect";
  $("connect").classList.toggle("primary", !connected);
  $("client-id").readOnly = connected;
  $("state").textContent = connected ? "connected" : "not connected";
  $("state").classList.toggle("on", connected);
  if (!state.token) return;
  show("actions-waiting", false);
  show("actions");
  for (const button of document.querySelectorAll("#subscribe-form .row button, #publish-form .row button")) button.disabled = !connected;
}

function act(what, resource) {
  tell(`${what}-result`, "", "", "Asking …");
  if (what === "subscribe") client.subscribe(resource);
  else client.publish(resource, $("payload").value);
}

/** Every entry of the journal passes here. */
function hear(entry) {
  client.hear(entry);
  if (entry.kind === "function") note(entry.text);
  if (!client.isMine(entry)) return;
  policy.mark(entry.place);
  const form = { "iot:Publish": "publish", "iot:RetainPublish": "publish", "iot:Subscribe": "subscribe" }[entry.action];
  if (form && entry.kind === "allowed") tell(`${form}-result`, "good", "ALLOWED", entry.reason);
  if (form && entry.kind === "refused") tell(`${form}-result`, "bad", "REFUSED", entry.reason);
}

/** Remembers the function's line about a refusal, by its connection. */
function note(text) {
  try {
    const line = JSON.parse(text);
    if (!line.code || !line.connection_id) return;
    if (state.refusals.size > 100) state.refusals.clear();
    state.refusals.set(line.connection_id, line);
    if (state.waiting?.connection === line.connection_id) refuse(state.waiting);
  } catch {
    // A line that is no JSON says nothing about a refusal.
  }
}

function logout() {
  client.disconnect();
  [state.token, state.preview, state.waiting] = [null, null, null];
  policy.clear();
  for (const id of ["logged-in", "connect-form", "actions"]) show(id, false);
  for (const id of ["logged-out", "connect-waiting", "actions-waiting"]) show(id);
  for (const id of ["token-header", "token-payload", "messages"]) $(id).replaceChildren();
  show("no-messages");
  for (const id of ["connect-result", "subscribe-result", "publish-result"]) tell(id, "", "", "");
  $("login").focus();
}

async function copy() {
  await navigator.clipboard.writeText(state.token);
  $("copy").textContent = "Copied";
  setTimeout(() => { $("copy").textContent = "Copy token"; }, 1500);
}

function tick() {
  client.tick();
  if (!state.token) return;
  const left = state.expires - Date.now() / 1000;
  $("token-life").textContent = left > 0 ? `The token lives for ${clock(left)}.` : "The token has expired.";
}

start();
