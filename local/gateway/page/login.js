// Logs in by OpenID Connect: authorization code with PKCE (RFC 7636), with checks of state, nonce and issuer.

const STORAGE_KEY = "iot-local-login";

const base64url = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

async function fetchMetadata(issuer) {
  const response = await fetch(issuer.discovery);
  if (!response.ok) throw new Error("The discovery document cannot be read.");
  const metadata = await response.json();
  // The document is fetched from the gateway, but its issuer may be at another address (OpenID Connect Discovery, 4.3).
  if (metadata.issuer !== issuer.issuer) throw new Error("The discovery document is for another issuer.");
  return metadata;
}

/** Sends the browser to the login page. */
export async function begin(issuer, clientId) {
  const metadata = await fetchMetadata(issuer);
  const [state, nonce, verifier] = [random(), random(), random()];
  const challenge = base64url(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier)));
  const redirect = `${location.origin}/`;
  sessionStorage.setItem(STORAGE_KEY, JSON.stringify({ state, nonce, verifier, redirect, issuer, clientId }));
  const parameters = new URLSearchParams({
    response_type: "code", client_id: clientId, redirect_uri: redirect, scope: "openid", state, nonce,
    code_challenge: challenge, code_challenge_method: "S256",
  });
  location.assign(`${metadata.authorization_endpoint}?${parameters}`);
}

/** Returns the token if the browser returns from the login page, otherwise null. */
export async function finish() {
  const response = new URLSearchParams(location.search);
  if (!response.has("code") && !response.has("error")) return null;
  // Removes the code from the address. It can be used only once.
  history.replaceState(null, "", location.pathname);
  const request = JSON.parse(sessionStorage.getItem(STORAGE_KEY) ?? "null");
  sessionStorage.removeItem(STORAGE_KEY);
  if (!request || response.get("state") !== request.state) throw new Error("This login did not start here. Log in again.");
  if (response.get("iss") !== request.issuer.issuer) throw new Error("The response is from another issuer.");
  if (response.has("error")) throw new Error(response.get("error_description") ?? response.get("error"));
  const metadata = await fetchMetadata(request.issuer);
  const tokenResponse = await fetch(metadata.token_endpoint, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "authorization_code", code: response.get("code"), redirect_uri: request.redirect,
      client_id: request.clientId, code_verifier: request.verifier,
    }),
  });
  const tokens = await tokenResponse.json();
  if (!tokenResponse.ok) throw new Error(tokens.error_description ?? tokens.error);
  const identity = decode(tokens.id_token).payload;
  // The ID token comes directly from the token endpoint, so its signature need not be checked (OpenID Connect Core,
  // 3.1.3.7).
  if (identity.nonce !== request.nonce || identity.aud !== request.clientId || identity.iss !== request.issuer.issuer) {
    throw new Error("The ID token does not belong to this login.");
  }
  return tokens.access_token;
}

/** Returns header and payload of a token. */
export function decode(token) {
  const [header, payload] = token.split(".").slice(0, 2).map((part) => {
    const bytes = Uint8Array.from(atob(part.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes));
  });
  return { header, payload };
}
