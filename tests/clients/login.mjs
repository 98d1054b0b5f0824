// A strict OpenID Connect client, outside of the project: discovery, login with PKCE, ID token, client credentials.
// node login.mjs PORT ISSUER SECRET
import * as oauth from "oauth4webapi";

const [port, issuer, secret] = process.argv.slice(2);
const door = new URL(`http://127.0.0.1:${port}/oidc/users`);
const plain = { [oauth.allowInsecureRequests]: true };
const fail = (why) => { console.error(why); process.exit(1); };

async function refused(what, promise) {
  const error = await promise.then(() => null, (error) => error);
  if (!error) fail(`${what} was accepted`);
  return error;
}

const discover = (expected) =>
  oauth.discoveryRequest(door, plain).then((response) => oauth.processDiscoveryResponse(new URL(expected), response));
// The document speaks for the configured issuer. A client that expects the door's own address as the issuer refuses it.
await refused("another issuer's document", discover(door.href));
const server = await discover(issuer);

const client = { client_id: "iot-local-page" };
const redirect = `${door.origin}/`;

async function logIn() {
  const verifier = oauth.generateRandomCodeVerifier();
  const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()];
  const request = new URLSearchParams({
    client_id: client.client_id, redirect_uri: redirect, response_type: "code", scope: "openid", state, nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256",
  });
  const page = await fetch(`${server.authorization_endpoint}?${request}`);
  const action = (await page.text()).match(/action="([^"]+)"/)[1];
  const answer = await fetch(new URL(action, door), {
    method: "POST", redirect: "manual", headers: { Origin: door.origin },
    body: new URLSearchParams({ request: request.toString(), person: "alice" }),
  });
  const back = new URL(answer.headers.get("location"));
  return { verifier, nonce, back, parameters: oauth.validateAuthResponse(server, client, back, state) };
}

const redeem = ({ parameters }, verifier) =>
  oauth.authorizationCodeGrantRequest(server, client, oauth.None(), parameters, redirect, verifier, plain);

const good = await logIn();
const response = await redeem(good, good.verifier);
const result = await oauth.processAuthorizationCodeResponse(server, client, response, { expectedNonce: good.nonce, requireIdToken: true });
await oauth.validateApplicationLevelSignature(server, response, plain);
const claims = oauth.getValidatedIdTokenClaims(result);
if (claims.sub !== "alice" || claims.iss !== issuer || claims.aud !== client.client_id) fail(`odd claims: ${JSON.stringify(claims)}`);

const publish = async (token) =>
  (await fetch(new URL("/topics/acme%2Fusers%2Falice%2Fx?qos=1", door), { method: "POST", headers: { Authorization: `Bearer ${token}` }, body: "x" })).status;
const [access, identity] = [await publish(result.access_token), await publish(result.id_token)];
if (access !== 200) fail(`the access token buys ${access}`);
if (identity !== 403) fail(`the ID token buys ${identity}`);

const take = async (login, verifier) => oauth.processAuthorizationCodeResponse(server, client, await redeem(login, verifier), { expectedNonce: login.nonce });
const again = await refused("a used code", take(good, good.verifier));
if (again.error !== "invalid_grant") fail(`a used code: ${again.error}`);
const other = await logIn();
const wrong = await refused("a wrong verifier", take(other, oauth.generateRandomCodeVerifier()));
if (wrong.error !== "invalid_grant") fail(`a wrong verifier: ${wrong.error}`);

const machine = { client_id: "machine-1" };
const ask = async (key) => {
  const answer = await oauth.clientCredentialsGrantRequest(server, machine, oauth.ClientSecretBasic(key), {}, plain);
  return oauth.processClientCredentialsResponse(server, machine, answer);
};
const token = await ask(secret);
await refused("a wrong secret", ask(`${secret}x`));
console.log(token.access_token);
