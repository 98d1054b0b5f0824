// The page: sign-in, policy, connection, actions.

import * as actions from "./actions.js";
import * as client from "./client.js";
import { $, clock, copyOn, parseObject, show, showResult } from "./dom.js";
import * as issuerForm from "./issuer_form.js";
import * as log from "./log.js";
import { showReload } from "./notice.js";
import { decode } from "./oidc.js";
import * as policy from "./policy.js";
import { forget, keep, kept, RESULT_KEY, take } from "./session.js";
import * as snippets from "./snippets.js";
import { showSteps } from "./steps.js";
import * as token from "./token.js";
import * as users from "./users.js";
import * as ways from "./ways.js";

/** `session` is the token in use: token, kind, issuer (development tokens), and if it is broken: broken, original. */
const state = { gateway: null, users: [], session: null, preview: null, hasActed: false, denials: new Map(), unexplained: null, deniedConnection: null };

async function start() {
  const address = new URLSearchParams(location.search);
  // Removes codes and links from the address. Each is used once.
  if (location.search) history.replaceState(null, "", location.pathname);
  log.follow(handle, client.isMine);
  setInterval(tick, 250);
  actions.start();
  snippets.start();
  ways.start(showWay);
  installForms();
  render();
  await attempt("login-error", async () => {
    state.gateway = await (await fetch("/api/gateway")).json();
    users.showIssuers(state.gateway);
    issuerForm.show(state.gateway);
    await loadUsers(address.get("user"));
    await restore(address);
  });
}

function installForms() {
  const submit = (id, error, action) => $(id).addEventListener("submit", (event) => { event.preventDefault(); attempt(error, action); });
  submit("claims-form", "login-error", () => signInAs($("sub").value, parseClaims($("claims").value), selectedIssuer()));
  submit("paste-form", "login-error", () => use({ token: $("pasted").value.trim(), kind: "pasted" }));
  submit("issuer-form", "login-error", async () => issuerForm.submit());
  submit("connect-form", "login-error", async () => (client.isConnected() ? client.disconnect() : connect()));
  $("login").addEventListener("click", () => attempt("login-error", () => users.openLoginPage(selectedIssuer(), state.gateway.client_id)));
  $("logout").addEventListener("click", logout);
  $("drop").addEventListener("click", () => client.disconnect(true));
  copyOn($("copy"), () => state.session.token);
}

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

function parseClaims(text) {
  const claims = parseObject(text);
  if (!claims) throw new Error('invalid claims; expected a JSON object, such as {"tenant": "acme"}');
  return claims;
}

const issuerById = (id) => state.gateway.issuers.find((issuer) => issuer.id === id);
const selectedIssuer = () => issuerById($("issuer").value) ?? state.gateway.issuers[0];

async function loadUsers(preferred) {
  state.users = state.gateway.issuers.length ? await users.exampleUsers() : [];
  const choose = (user) => attempt("login-error", () => signInAs(user.claims.sub ?? user.name, withoutSub(user.claims), issuerById(user.issuer) ?? selectedIssuer()));
  users.showUsers(state.users, preferred, choose);
}

const withoutSub = ({ sub, ...claims }) => claims;

/** Continues a session: a login page's response, a token from the user's issuer, a link for a user, or a reload. */
async function restore(address) {
  const login = await users.finishLoginPage(address);
  if (login) return use({ ...login, kind: "development" });
  const issued = take(RESULT_KEY);
  if (issued) return use({ token: issued, kind: "issued" });
  const user = state.users.find(({ name }) => name === address.get("user"));
  // Only a link on this page signs in by itself, so that no other site can.
  if (user) return document.referrer.startsWith(`${location.origin}/`) && $("users").querySelector(`[data-user="${CSS.escape(user.name)}"]`).click();
  const session = kept();
  if (session && issuerById(session.issuer?.id)) return use(session);
  return null;
}

async function signInAs(sub, claims, issuer) {
  const tokens = await users.signIn(issuer, state.gateway.client_id, { sub, claims });
  return use({ ...tokens, kind: "development", issuer });
}

/** Continues with a token: shows it and its policy, and connects if the authorizer allows it. */
async function use(session) {
  decode(session.token);
  client.disconnect();
  resetPolicy();
  state.session = session;
  ways.offer(session, state.gateway);
  keep(session.broken ? { ...session, token: session.original, broken: undefined, original: undefined } : session);
  token.showToken(session);
  token.showBreaks(session, { mint, use: useBroken });
  if (!session.broken && !session.original) token.unfoldToken();
  users.showSecondUser(state.users, decode(session.token).payload.sub);
  $("login-title").focus({ preventScroll: true });
  render();
  await attempt("policy-error", showPolicy);
}

const useBroken = (changed, broken) => use({
  ...state.session, token: changed, broken, original: broken ? state.session.original ?? state.session.token : undefined,
});

const mint = (original, changes) => users.mint(state.session.issuer, original, changes);

/** Asks the authorizer for the policy. The client ids to try come from the examples, the subject, and the rule. */
async function showPolicy(connects = true) {
  const { session } = state;
  const { sub } = decode(session.token).payload;
  const example = state.users.find((user) => user.claims.sub === sub || user.name === sub)?.client_id;
  let preview = await ask([`${sub}/page`, example, String(sub)]);
  if (preview.denied && preview.client_ids?.length) preview = await ask(preview.client_ids.map(sampleId));
  if (state.session !== session) return;
  state.preview = preview;
  if (!client.isConnected() && !ways.isIdentity()) showClientId();
  if (preview.denied) {
    showDenial(preview);
  } else {
    policy.show(preview);
    if (!ways.isIdentity()) showExamples(preview.examples);
    token.showBreakResult(session.broken, null);
    if (connects) connect();
  }
  updateSnippets();
  render();
}

function showClientId() {
  $("client-id").value = state.preview.client_id;
  client.showRule(state.preview.client_ids, state.gateway);
}

function showExamples({ subscribe, publish }) {
  actions.showExamples("filter", subscribe);
  actions.showExamples("topic", publish);
}

/** Shows client id and topics of a Cognito identity, or again those of the token. */
function showWay(identity) {
  showResult("connect-result", "", "", "");
  if (identity) {
    $("client-id").value = identity.id;
    client.showRule([], state.gateway);
    showExamples({ subscribe: { usual: `apps/${identity.id}/#` }, publish: { usual: `apps/${identity.id}/hello` } });
  } else if (!ways.isIdentity() && state.preview) {
    showClientId();
    if (state.preview.examples) showExamples(state.preview.examples);
  }
  render();
}

async function ask(ids) {
  const isValid = (id) => typeof id === "string" && id.length > 0 && new TextEncoder().encode(id).length <= 128;
  const candidates = [...new Set(ids.filter(isValid))].slice(0, 4);
  client.claim(...candidates);
  const preview = await policy.preview(state.session.token, candidates.length ? candidates : ["page"]);
  log.refresh();
  log.label(preview.connection, "policy preview");
  return preview;
}

/** A client id for a pattern, whose `*` at the end is one or more characters. */
const sampleId = (pattern) => pattern.replace(/\*$/, "page");

/** Shows why a preview is denied. The function's log line with its code may come before or after the preview. */
function showDenial(preview) {
  const line = state.denials.get(preview.connection);
  const text = line ? explain(line) : `${preview.denied}.`;
  $("policy-error").textContent = `No policy: ${text}`;
  show("policy-error");
  token.showBreakResult(state.session.broken, text);
  state.unexplained = line ? null : preview;
}

/** A denial in a sentence: the code, what it is about, and what to do. */
function explain({ code, detail, hint }) {
  const rule = code === "client_id_not_allowed" && state.preview?.client_ids?.length
    ? `This token may use the client ids ${state.preview.client_ids.join(", ")}.` : "";
  return [`${code}${detail ? ` (${detail})` : ""}.`, rule, hint].filter(Boolean).join(" ");
}

async function connect() {
  showResult("connect-result", "", "", "Connecting …");
  actions.clearResults();
  if (!ways.isIdentity()) return openConnection(client.withToken($("client-id").value, state.session.token, state.gateway));
  // The address is signed for each connect: AWS IoT takes one for five minutes only.
  const query = await ways.query();
  return query ? openConnection(client.withSignature(query)) : showResult("connect-result", "", "", "");
}

function openConnection(credentials) {
  const topic = $("will-topic").value;
  const will = topic ? { topic, payload: $("will-message").value, qos: 0, retain: $("will-retain").checked } : undefined;
  client.connect($("client-id").value, credentials, state.gateway, { protocolVersion: Number($("version").value), will }, () => { updateSnippets(); render(); });
  log.refresh();
}

/** Shows what depends on the state of the page. */
function render() {
  const isConnected = client.isConnected();
  const [isSignedIn, isDenied] = [state.session !== null, Boolean(state.preview?.denied)];
  showSteps({ isSignedIn, isDenied, hasPolicy: Boolean(state.preview?.statements), isConnected, hasActed: state.hasActed });
  show("connect-form", isSignedIn);
  show("actions", isSignedIn && (isConnected || state.hasActed));
  $("connect").textContent = isConnected ? "Disconnect" : "Connect";
  $("connect").classList.toggle("primary", !isConnected);
  for (const id of ["client-id", "version", "will-topic", "will-message", "will-retain"]) $(id).disabled = isConnected;
  $("drop").disabled = !isConnected;
  ways.render(isConnected);
  $("state").textContent = isConnected ? "connected" : "not connected";
  $("state").classList.toggle("on", isConnected);
}

/** Handles an entry of the event log. */
function handle(entry) {
  if (entry.kind === "function") return rememberDenial(parseObject(entry.text));
  if (["reloaded", "reload_failed"].includes(entry.kind)) return handleReload(entry);
  if (!client.isMine(entry.client)) return;
  client.handle(entry);
  if (entry.kind === "connect-refused") {
    ways.handleDenial(entry.reason);
    explainConnect(entry.connection);
  }
  policy.mark(entry.place);
  if (actions.handle(entry)) {
    state.hasActed = true;
    render();
  }
}

/** Shows the code of a denied connect next to the button. The function's log line may come before or after the denial. */
function explainConnect(connection) {
  state.deniedConnection = connection;
  if (state.denials.has(connection)) client.explain(explain(state.denials.get(connection)));
}

/** Stores the function's log line of a denial by its connection. */
function rememberDenial(line) {
  if (!line?.code || !line.connection_id) return;
  if (state.denials.size > 100) state.denials.clear();
  state.denials.set(line.connection_id, line);
  if (state.unexplained?.connection === line.connection_id) showDenial(state.unexplained);
  if (state.deniedConnection === line.connection_id) explainConnect(line.connection_id);
}

/** Shows a reload of the configuration, and asks again for users and policy. The token stays. */
async function handleReload(entry) {
  // Entries from before this page was loaded are old news.
  if (!state.gateway || entry.at < performance.timeOrigin || !showReload(entry)) return;
  await attempt("login-error", () => loadUsers(null));
  policy.clear();
  if (state.session) await attempt("policy-error", () => showPolicy(false));
}

function updateSnippets() {
  const { preview, gateway, session } = state;
  const [topic, filter] = [preview?.examples?.publish.allowed, preview?.examples?.subscribe.allowed];
  if (!topic || !filter) return snippets.update(null);
  const own = $("client-id").value;
  const id = (preview.client_ids ?? []).map((pattern) => pattern.replace(/\*$/, "cli")).find((other) => other !== own) ?? own;
  const note = id === own ? "This page has the same client id: connecting there closes the connection here, as on AWS IoT." : "The token is a password until it expires.";
  return snippets.update({ host: location.hostname, port: location.port, tlsPort: gateway.tls_port, ca: gateway.ca, id, topic, filter, token: session.token, note });
}

function resetPolicy() {
  [state.preview, state.unexplained, state.hasActed] = [null, null, false];
  policy.clear();
  actions.clear();
  snippets.update(null);
  showResult("connect-result", "", "", "");
}

function logout() {
  client.disconnect();
  forget();
  state.session = null;
  resetPolicy();
  show("signed-in", false);
  show("signed-out");
  for (const id of ["token-header", "token-payload", "break-buttons"]) $(id).replaceChildren();
  $("pasted").value = "";
  showResult("break-result", "", "", "");
  render();
  $("login-title").focus();
}

function tick() {
  client.tick();
  if (!state.session) return;
  const { exp } = decode(state.session.token).payload;
  const remaining = exp - Date.now() / 1000;
  $("token-life").textContent = typeof exp !== "number" ? "" : remaining > 0 ? `It expires in ${clock(remaining)}.` : "It has expired.";
}

start();
