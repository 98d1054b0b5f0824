// The ways to connect: with the token, which the custom authorizer decides on, or with a Cognito identity.

import { Identity } from "./cognito.js";
import { $, copyOn, show, showResult } from "./dom.js";

let identity = null;
let session = null;
let gateway = null;
/** Called when another way is chosen, with the identity or null. */
let onChange = () => {};

const radios = () => document.querySelectorAll("input[name=way]");
const chosen = () => document.querySelector("input[name=way]:checked").value;

/** Whether the identity connects, and not the token. */
export const isIdentity = () => chosen() === "identity";

/** Installs the choice. */
export function start(changed) {
  onChange = changed;
  radios().forEach((radio) => radio.addEventListener("change", choose));
  $("attach-button").addEventListener("click", attach);
  copyOn($("copy-attach"), () => $("attach-command").textContent);
}

/** Offers the choice for a session. A session without an ID token of one of the pool's providers has no choice. */
export function offer(newSession, newGateway) {
  [identity, session, gateway] = [null, newSession, newGateway];
  document.querySelector("input[name=way][value=token]").checked = true;
  show("ways", login() !== undefined);
  for (const id of ["identity", "attach"]) show(id, false);
}

/** The key of `Logins`, if the pool takes the session's ID token. */
function login() {
  if (!session?.idToken || session.broken) return undefined;
  const name = session.issuer.issuer.replace(/^\w+:\/\//, "");
  return gateway.identity_pool?.providers.find((provider) => provider === name);
}

/** Adapts the choice to the state of the connection. */
export function render(isConnected) {
  radios().forEach((radio) => { radio.disabled = isConnected; });
  if (isConnected) show("attach", false);
}

async function choose() {
  show("identity", isIdentity());
  show("attach", false);
  await attempt(async () => onChange(isIdentity() ? await known() : null));
}

/** The identity of the session, which the pool is asked for once. */
async function known() {
  $("identity-id").textContent = identity?.id ?? "…";
  identity ??= await Identity.of(gateway.identity_pool, login(), session.idToken);
  $("identity-id").textContent = identity.id;
  return identity;
}

/** The query of a signed address, or null after an error, which is shown. */
export const query = () => attempt(async () => (await known()).query());

/** Performs an action, and shows its error. Returns null after one. */
async function attempt(action) {
  show("identity-error", false);
  try {
    return await action();
  } catch (error) {
    $("identity-error").textContent = error.message;
    show("identity-error");
    return null;
  }
}

/** Shows what to run if a connect was denied because no policy is attached. */
export function handleDenial(reason) {
  const command = reason.match(/aws iot attach-policy [^;\n]*/)?.[0];
  if (!isIdentity() || !command) return;
  const endpoint = `--region ${gateway.identity_pool.region} --endpoint-url ${location.origin}`;
  $("attach-command").textContent = [
    `aws iot create-policy --policy-name app --policy-document file://provision/policies/app.json ${endpoint}`,
    `aws iot attach-policy --policy-name app --target ${identity.id} ${endpoint}`,
  ].join("\n");
  showResult("attach-result", "", "", "");
  show("attach");
}

async function attach() {
  $("attach-button").disabled = true;
  showResult("attach-result", "", "", "The function may be built first. Waiting …");
  try {
    const name = await identity.attach();
    showResult("attach-result", "good", "ATTACHED", `Policy ${name}. Connect again.`);
  } catch (error) {
    showResult("attach-result", "bad", "FAILED", error.message);
  }
  $("attach-button").disabled = false;
}
