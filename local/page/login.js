// OpenID Connect in a browser: authorization code with PKCE (RFC 7636), state, nonce and issuer checked.

const KEPT = "iot-local-login";

const base64url = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

async function metadata(issuer) {
  const answer = await fetch(issuer.discovery);
  if (!answer.ok) throw new Error("The issuer's discovery document cannot be read.");
  const found = await answer.json();
  // The document is fetched from the door, and speaks for an issuer elsewhere. Which one it is, the door has said.
  if (found.issuer !== issuer.issuer) throw new Error("The discovery document is another issuer's.");
  return found;
}

/** Sends the browser to the login page. */
export async function begin(issuer, clientId) {
  const found = await metadata(issuer);
  const [state, nonce, verifier] = [random(), random(), random()];
  const challenge = base64url(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier)));
  const redirect = `${location.origin}/`;
  sessionStorage.setItem(KEPT, JSON.stringify({ state, nonce, verifier, redirect, issuer, clientId }));
  const parameters = new URLSearchParams({
    response_type: "code", client_id: clientId, redirect_uri: redirect, scope: "openid", state, nonce,
    code_challenge: challenge, code_challenge_method: "S256",
  });
  location.assign(`${found.authorization_endpoint}?${parameters}`);
}

/** The token, if the browser comes back from the login page; null if it does not. */
export async function finish() {
  const answer = new URLSearchParams(location.search);
  if (!answer.has("code") && !answer.has("error")) return null;
  // The code is nobody else's business, and of no use a second time.
  history.replaceState(null, "", location.pathname);
  const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
  sessionStorage.removeItem(KEPT);
  if (!kept || answer.get("state") !== kept.state) throw new Error("This login was not begun here. Log in once more.");
  if (answer.get("iss") !== kept.issuer.issuer) throw new Error("The answer is another issuer's.");
  if (answer.has("error")) throw new Error(answer.get("error_description") ?? answer.get("error"));
  const found = await metadata(kept.issuer);
  const response = await fetch(found.token_endpoint, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "authorization_code", code: answer.get("code"), redirect_uri: kept.redirect,
      client_id: kept.clientId, code_verifier: kept.verifier,
    }),
  });
  const tokens = await response.json();
  if (!response.ok) throw new Error(tokens.error_description ?? tokens.error);
  const identity = parts(tokens.id_token).payload;
  // It came from the token endpoint itself, so its signature may go unchecked (OpenID Connect Core, 3.1.3.7).
  if (identity.nonce !== kept.nonce || identity.aud !== kept.clientId || identity.iss !== kept.issuer.issuer) {
    throw new Error("The ID token is not the answer to this login.");
  }
  return tokens.access_token;
}

/** Header and payload of a token. */
export function parts(token) {
  const [header, payload] = token.split(".").slice(0, 2).map((part) => {
    const bytes = Uint8Array.from(atob(part.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes));
  });
  return { header, payload };
}
