// A strict OpenID Connect client: discovery, login with PKCE, ID token, client credentials. Prints the machine's access
// token.
//
// node login.mjs PORT ISSUER SECRET
import * as oauth from "oauth4webapi";

const [port, issuer, secret] = process.argv.slice(2);
const base = new URL(`http://127.0.0.1:${port}/oidc/users`);
const insecure = { [oauth.allowInsecureRequests]: true };
const fail = (why) => { console.error(why); process.exit(1); };

async function rejected(title, promise) {
  const error = await promise.then(() => null, (error) => error);
  if (!error) fail(`${title} was accepted`);
  return error;
}

const discover = (expected) =>
  oauth.discoveryRequest(base, insecure).then((response) => oauth.processDiscoveryResponse(new URL(expected), response));
// The document names the configured issuer. A client that expects the gateway's own URL as the issuer rejects it.
await rejected("another issuer's document", discover(base.href));
const server = await discover(issuer);

const client = { client_id: "iot-local-page" };
const redirect = `${base.origin}/`;

async function logIn() {
  const verifier = oauth.generateRandomCodeVerifier();
  const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()];
  const request = new URLSearchParams({
    client_id: client.client_id, redirect_uri: redirect, response_type: "code", scope: "openid", state, nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256",
  });
  const page = await fetch(`${server.authorization_endpoint}?${request}`);
  const action = (await page.text()).match(/action="([^"]+)"/)[1];
  const redirected = await fetch(new URL(action, base), {
    method: "POST", redirect: "manual", headers: { Origin: base.origin },
    body: new URLSearchParams({ request: request.toString(), user: "alice" }),
  });
  const back = new URL(redirected.headers.get("location"));
  return { verifier, nonce, back, parameters: oauth.validateAuthResponse(server, client, back, state) };
}

const redeem = ({ parameters }, verifier) =>
  oauth.authorizationCodeGrantRequest(server, client, oauth.None(), parameters, redirect, verifier, insecure);

const good = await logIn();
const response = await redeem(good, good.verifier);
const result = await oauth.processAuthorizationCodeResponse(server, client, response, { expectedNonce: good.nonce, requireIdToken: true });
await oauth.validateApplicationLevelSignature(server, response, insecure);
const claims = oauth.getValidatedIdTokenClaims(result);
if (claims.sub !== "alice" || claims.iss !== issuer || claims.aud !== client.client_id) fail(`unexpected claims: ${JSON.stringify(claims)}`);

const publish = async (token) =>
  (await fetch(new URL("/topics/acme%2Fusers%2Falice%2Fx?qos=1", base), { method: "POST", headers: { Authorization: `Bearer ${token}` }, body: "x" })).status;
const [access, identity] = [await publish(result.access_token), await publish(result.id_token)];
if (access !== 200) fail(`a publish with the access token returns ${access}`);
if (identity !== 403) fail(`a publish with the ID token returns ${identity}`);

const processed = async (login, verifier) => oauth.processAuthorizationCodeResponse(server, client, await redeem(login, verifier), { expectedNonce: login.nonce });
const reused = await rejected("a used code", processed(good, good.verifier));
if (reused.error !== "invalid_grant") fail(`a used code: ${reused.error}`);
const other = await logIn();
const wrong = await rejected("a wrong verifier", processed(other, oauth.generateRandomCodeVerifier()));
if (wrong.error !== "invalid_grant") fail(`a wrong verifier: ${wrong.error}`);

const machine = { client_id: "machine-1" };
const requestToken = async (key) => {
  const response = await oauth.clientCredentialsGrantRequest(server, machine, oauth.ClientSecretBasic(key), {}, insecure);
  return oauth.processClientCredentialsResponse(server, machine, response);
};
const token = await requestToken(secret);
await rejected("a wrong secret", requestToken(`${secret}x`));
console.log(token.access_token);
