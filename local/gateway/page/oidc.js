// OpenID Connect for a public client: authorization code with PKCE (RFC 7636), with checks of state, issuer and nonce.

const base64url = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

/** Returns the discovery document at `address`, which must name `issuer` (OpenID Connect Discovery, section 4.3). */
export async function discover(address, issuer) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address} responds with ${response.status}; expected a discovery document`);
  const metadata = await response.json().catch(() => ({}));
  if (metadata.issuer !== issuer) {
    throw new Error(`the discovery document is for issuer "${metadata.issuer}"; expected "${issuer}"`);
  }
  return metadata;
}

/** Creates an authorization request. `secrets` stay in the browser until the response is checked. */
export async function authorizationRequest({ clientId, redirect, scope, audience }) {
  const secrets = { state: random(), nonce: random(), verifier: random() };
  const challenge = base64url(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(secrets.verifier)));
  const parameters = new URLSearchParams({
    response_type: "code", client_id: clientId, redirect_uri: redirect, scope, state: secrets.state, nonce: secrets.nonce,
    code_challenge: challenge, code_challenge_method: "S256", ...(audience ? { audience } : {}),
  });
  return { parameters, secrets };
}

/** Returns the code in a response (RFC 6749, section 4.1.2; RFC 9207 for `iss`, which not every issuer sends). */
export function codeOf(response, secrets, issuer, requiresIssuer) {
  if (!secrets || response.get("state") !== secrets.state) throw new Error("This sign-in did not start in this tab. Sign in again.");
  const sender = response.get("iss");
  if (sender === null ? requiresIssuer : sender !== issuer) throw new Error("the response is from another issuer");
  if (response.has("error")) throw new Error(response.get("error_description") ?? response.get("error"));
  if (!response.has("code")) throw new Error("the response has no code");
  return response.get("code");
}

/** Redeems a code and returns the tokens. */
export async function redeem(endpoint, { code, redirect, clientId, issuer, secrets }) {
  const response = await fetch(endpoint, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "authorization_code", code, redirect_uri: redirect, client_id: clientId, code_verifier: secrets.verifier,
    }),
  });
  const tokens = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(tokens.error_description ?? tokens.error ?? `the token endpoint responds with ${response.status}`);
  if (tokens.id_token) checkIdToken(decode(tokens.id_token).payload, { clientId, issuer, secrets });
  return tokens;
}

/**
 * Checks that an ID token belongs to the sign-in. It comes directly from the token endpoint, so its signature need not
 * be checked (OpenID Connect Core, section 3.1.3.7).
 */
function checkIdToken({ aud, iss, nonce }, { clientId, issuer, secrets }) {
  if (nonce !== secrets.nonce || ![aud].flat().includes(clientId) || iss !== issuer) {
    throw new Error("the ID token does not belong to this sign-in");
  }
}

/** Returns header and payload of a token. */
export function decode(token) {
  const parts = token.split(".");
  if (parts.length !== 3) throw new Error(`not a JWT: ${parts.length} part${parts.length === 1 ? "" : "s"} instead of 3`);
  try {
    const [header, payload] = parts.slice(0, 2).map((part) => {
      const bytes = Uint8Array.from(atob(part.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
      return JSON.parse(new TextDecoder().decode(bytes));
    });
    if (!isObject(header) || !isObject(payload)) throw new Error();
    return { header, payload };
  } catch {
    throw new Error("not a JWT: header and payload must be JSON objects in base64url");
  }
}

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

/** Returns the token with another payload and the old signature. */
export function withPayload(token, payload) {
  const [header, , signature] = token.split(".");
  return [header, base64url(new TextEncoder().encode(JSON.stringify(payload))), signature].join(".");
}
