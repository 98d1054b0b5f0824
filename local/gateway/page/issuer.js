// Signs in at the user's own issuer. This page talks to one other origin at a time, which its address names in
// `connect` and its Content-Security-Policy allows. The token goes back to the main page by the tab's session storage.

import { $, show } from "./dom.js";
import { authorizationRequest, codeOf, discover, redeem } from "./oidc.js";
import { RESULT_KEY, REQUEST_KEY } from "./session.js";

const load = () => JSON.parse(sessionStorage.getItem(REQUEST_KEY) ?? "null");
const store = (request) => sessionStorage.setItem(REQUEST_KEY, JSON.stringify(request));

async function run() {
  const response = new URLSearchParams(location.search);
  // Removes the code from the address and from the history. It can be used only once.
  if (response.has("state")) history.replaceState(null, "", location.pathname);
  const request = load();
  if (response.has("state")) return returned(response, request);
  if (!request) throw new Error("No sign-in has been started in this tab.");
  if (request.code) return exchange(request);
  return begin(request);
}

/** Reads the discovery document and sends the browser to the issuer. */
async function begin(request) {
  const base = request.issuer.replace(/\/$/, "");
  const address = `${base}/.well-known/openid-configuration`;
  const metadata = await orExplain(address, discover(address, request.issuer));
  const { parameters, secrets } = await authorizationRequest(request);
  const { authorization_endpoint: authorize, token_endpoint: endpoint } = metadata;
  if (!authorize || !endpoint) throw new Error("the discovery document has no authorization_endpoint or token_endpoint");
  const requiresIssuer = metadata.authorization_response_iss_parameter_supported === true;
  store({ ...request, secrets, endpoint, requiresIssuer });
  const target = new URL(authorize);
  for (const [name, value] of parameters) target.searchParams.set(name, value);
  location.replace(target);
}

/** Checks the response. The token endpoint may have another origin, so the page is loaded again for that origin. */
function returned(response, request) {
  sessionStorage.removeItem(REQUEST_KEY);
  const code = codeOf(response, request?.secrets, request?.issuer, request?.requiresIssuer);
  store({ ...request, code });
  location.replace(`/issuer.html?connect=${encodeURIComponent(new URL(request.endpoint).origin)}`);
}

async function exchange(request) {
  sessionStorage.removeItem(REQUEST_KEY);
  $("progress").textContent = "Exchanging the code for a token …";
  const tokens = await orExplain(request.endpoint, redeem(request.endpoint, request));
  const token = tokens[request.kind];
  if (typeof token !== "string") throw new Error(`the issuer sent no ${request.kind}; expected one with scope "${request.scope}"`);
  sessionStorage.setItem(RESULT_KEY, token);
  location.replace("/");
}

/** Waits for a request. A browser does not say why it failed, so a second request finds out whether it was CORS. */
async function orExplain(address, work) {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const responds = await fetch(address, { mode: "no-cors" }).then(() => true, () => false);
    throw new Error(responds
      ? `${address} responds, but does not allow requests from ${location.origin} (CORS). Allow this origin at the issuer, `
        + "or get a token in another way and paste it."
      : `${address} does not respond, or is not allowed by this page. Check the issuer's address.`);
  }
}

run().catch((error) => {
  show("progress", false);
  $("error").textContent = error.message;
  show("error");
});
