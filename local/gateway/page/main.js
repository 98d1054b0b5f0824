// The page: login, policy, connection, actions. It stores nothing longer than the tab is open.

import { $, clock, json, make, show, showResult } from "./dom.js";
import * as login from "./login.js";
import * as policy from "./policy.js";
import * as client from "./client.js";
import * as log from "./log.js";

const state = { gateway: null, token: null, expiry: 0, denials: new Map(), unexplained: null };

async function start() {
  log.follow(handle, client.isMine);
  setInterval(tick, 250);
  $("login").addEventListener("click", () => attempt("login-error", () => login.begin(selectedIssuer(), state.gateway.client_id)));
  $("logout").addEventListener("click", logout);
  $("copy").addEventListener("click", copy);
  $("connect-form").addEventListener("submit", onSubmit(toggleConnection));
  $("subscribe-form").addEventListener("submit", onSubmit(() => act("subscribe", $("filter").value)));
  $("publish-form").addEventListener("submit", onSubmit(() => act("publish", $("topic").value)));
  await attempt("login-error", async () => {
    const response = await fetch("/api/gateway");
    state.gateway = await response.json();
    showIssuers(state.gateway.issuers);
    const token = await login.finish();
    if (token) await showLogin(token);
  });
}

const onSubmit = (action) => (event) => { event.preventDefault(); action(); };

/** Performs an action, and shows its error in the element `id`. */
async function attempt(id, action) {
  show(id, false);
  try {
    await action();
  } catch (error) {
    $(id).textContent = error.message;
    show(id);
  }
}

function showIssuers(issuers) {
  $("issuer").replaceChildren(...issuers.map(({ id, issuer }) => make("option", { value: id }, issuer)));
  for (const id of ["issuer", "issuer-label"]) show(id, issuers.length > 1);
  $("login").disabled = issuers.length === 0;
}

const selectedIssuer = () => state.gateway.issuers.find(({ id }) => id === $("issuer").value) ?? state.gateway.issuers[0];

async function showLogin(token) {
  const { header, payload } = login.decode(token);
  [state.token, state.expiry] = [token, payload.exp];
  $("who").textContent = payload.sub;
  $("token-header").replaceChildren(...json(header));
  $("token-payload").replaceChildren(...json(payload));
  show("logged-out", false);
  show("logged-in");
  await attempt("policy-error", () => showPolicy(payload.sub));
}

/** Shows the policy granted by the token, or why the authorizer denies it. */
async function showPolicy(sub) {
  const isValid = (id) => id.length > 0 && new TextEncoder().encode(id).length <= 128;
  const preview = await policy.preview(state.token, [`${sub}/page`, sub].filter(isValid));
  show("connect-form");
  show("connect-waiting", false);
  $("client-id").value = preview.client_id;
  if (preview.denied) {
    show("policy-waiting", false);
    showDenial(preview);
    return;
  }
  policy.show(preview);
  showExamples("filter", preview.examples.subscribe);
  showExamples("topic", preview.examples.publish);
  $("connect").focus();
}

/** Shows why a preview is denied. The function's log line with its code may come before or after the preview. */
function showDenial(preview) {
  const line = state.denials.get(preview.connection);
  const code = line ? ` (${[line.code, line.detail].filter(Boolean).join(": ")}). ${line.hint ?? ""}` : ".";
  $("policy-error").textContent = `No policy: ${preview.denied}${code}`;
  show("policy-error");
  state.unexplained = line ? null : preview;
}

function showExamples(field, { allowed, denied }) {
  const button = (value, kind, badge) => {
    const element = make("button", { type: "button" }, make("span", { class: `badge ${kind}` }, badge), make("code", {}, value));
    element.addEventListener("click", () => { $(field).value = value; $(field).focus(); });
    return element;
  };
  $(field).value = allowed ?? denied ?? "";
  $(`${field}-examples`).replaceChildren(
    ...(allowed ? [button(allowed, "good", "ALLOWED")] : []),
    ...(denied ? [button(denied, "bad", "DENIED")] : []),
  );
}

function toggleConnection() {
  if (client.isConnected()) return client.disconnect();
  showResult("connect-result", "", "", "Connecting …");
  client.connect($("client-id").value, state.token, state.gateway, showConnection);
}

function showConnection() {
  const isConnected = client.isConnected();
  $("connect").textContent = isConnected ? "Disconnect" : "Connect";
  $("connect").classList.toggle("primary", !isConnected);
  $("client-id").readOnly = isConnected;
  $("state").textContent = isConnected ? "connected" : "not connected";
  $("state").classList.toggle("on", isConnected);
  if (!state.token) return;
  show("actions-waiting", false);
  show("actions");
  for (const button of document.querySelectorAll("#subscribe-form .row button, #publish-form .row button")) button.disabled = !isConnected;
}

/** Publishes or subscribes. The event log has the result. */
function act(action, resource) {
  showResult(`${action}-result`, "", "", "Waiting for the gateway …");
  if (action === "subscribe") client.subscribe(resource);
  else client.publish(resource, $("payload").value);
}

/** Handles an entry of the event log. */
function handle(entry) {
  client.handle(entry);
  if (entry.kind === "function") rememberDenial(entry.text);
  if (!client.isMine(entry)) return;
  policy.mark(entry.place);
  const form = { "iot:Publish": "publish", "iot:RetainPublish": "publish", "iot:Subscribe": "subscribe" }[entry.action];
  if (form && entry.kind === "allowed") showResult(`${form}-result`, "good", "ALLOWED", entry.reason);
  if (form && entry.kind === "refused") showResult(`${form}-result`, "bad", "DENIED", entry.reason);
}

/** Stores the function's log line of a denial by its connection. */
function rememberDenial(text) {
  try {
    const line = JSON.parse(text);
    if (!line.code || !line.connection_id) return;
    if (state.denials.size > 100) state.denials.clear();
    state.denials.set(line.connection_id, line);
    if (state.unexplained?.connection === line.connection_id) showDenial(state.unexplained);
  } catch {
    // Not JSON, so not the line of a denial.
  }
}

function logout() {
  client.disconnect();
  [state.token, state.unexplained] = [null, null];
  policy.clear();
  for (const id of ["logged-in", "connect-form", "actions"]) show(id, false);
  for (const id of ["logged-out", "connect-waiting", "actions-waiting"]) show(id);
  for (const id of ["token-header", "token-payload", "messages"]) $(id).replaceChildren();
  show("no-messages");
  for (const id of ["connect-result", "subscribe-result", "publish-result"]) showResult(id, "", "", "");
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
  const remaining = state.expiry - Date.now() / 1000;
  $("token-life").textContent = remaining > 0 ? `The token expires in ${clock(remaining)}.` : "The token has expired.";
}

start();
