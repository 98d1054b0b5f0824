// Sign-in at the development issuer: the example users, and tokens with any claims.

import { $, make, show } from "./dom.js";
import { authorizationRequest, codeOf, decode, discover, redeem } from "./oidc.js";
import { LOGIN_KEY, take } from "./session.js";

const REDIRECT = `${location.origin}/`;

/** Returns the example users. A gateway without them has none. */
export async function exampleUsers() {
  const response = await fetch("/examples.json");
  return response.ok ? (await response.json()).users : [];
}

/** Shows one button for each user: first those that are allowed, the preferred one as the primary action. */
export function showUsers(users, preferred, onChoose) {
  const allowed = users.filter((user) => user.allowed);
  const first = allowed.find((user) => user.name === preferred) ?? allowed[0];
  const button = (user, kind) => {
    const label = kind === "primary" ? `Sign in as ${user.name}` : user.name;
    const element = make("button", { type: "button", class: kind, "data-user": user.name }, make("strong", {}, label), " ", make("span", {}, describe(user)));
    element.addEventListener("click", () => onChoose(user));
    return element;
  };
  const list = (title, members) => (members.length ? [make("h3", {}, title), make("ul", { class: "people" }, ...members.map((user) => make("li", {}, button(user, ""))))] : []);
  $("users").replaceChildren(
    ...(first ? [button(first, "primary")] : []),
    ...list("Other users", allowed.filter((user) => user !== first)),
    ...list("Denied on purpose", users.filter((user) => !user.allowed)),
  );
}

/** Describes a user by grant and by the claims that differ from the registered ones. */
export function describe({ grant, claims, allowed, code }) {
  const shown = Object.entries(claims).filter(([name]) => !["sub", "iss", "aud", "exp", "iat", "jti"].includes(name));
  const text = (value) => (typeof value === "string" ? value : Array.isArray(value) ? value.map(text).join(" and ") : JSON.stringify(value));
  const list = shown.map(([name, value]) => `${name} ${text(value)}`).join(", ");
  return [allowed ? grant : code, list].filter(Boolean).join(" · ");
}

/**
 * Signs in without a second screen: posts the form of the login page and follows its redirect, whose address has the
 * code. `claims` replace registered claims of the same name. Returns the tokens.
 */
export async function signIn(issuer, clientId, { sub, claims }) {
  const metadata = await discover(issuer.discovery, issuer.issuer);
  const { parameters, secrets } = await authorizationRequest({ clientId, redirect: REDIRECT, scope: "openid" });
  const body = new URLSearchParams({ request: parameters.toString(), sub, claims: JSON.stringify(claims) });
  const response = await fetch(`/oidc/${encodeURIComponent(issuer.id)}/login`, { method: "POST", body });
  if (!response.ok) throw new Error(alertOf(await response.text()));
  const code = codeOf(new URL(response.url).searchParams, secrets, issuer.issuer, true);
  return ofTokens(await redeem(metadata.token_endpoint, { code, redirect: REDIRECT, clientId, issuer: issuer.issuer, secrets }));
}

/** The authorizer gets the access token, an identity pool the ID token. */
const ofTokens = (tokens) => ({ token: tokens.access_token, idToken: tokens.id_token });

/** The text of the alert on a rejected login page. */
function alertOf(html) {
  const alert = html.match(/role="alert">([^<]*)</)?.[1] ?? html.slice(0, 200);
  return alert.replaceAll("&quot;", '"').replaceAll("&#39;", "'").replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}

/** Sends the browser to the login page, as an app does. */
export async function openLoginPage(issuer, clientId) {
  const metadata = await discover(issuer.discovery, issuer.issuer);
  const { parameters, secrets } = await authorizationRequest({ clientId, redirect: REDIRECT, scope: "openid" });
  sessionStorage.setItem(LOGIN_KEY, JSON.stringify({ secrets, issuer, clientId }));
  location.assign(`${metadata.authorization_endpoint}?${parameters}`);
}

/** Returns tokens and issuer if the browser comes from the login page, otherwise null. */
export async function finishLoginPage(response) {
  if (!response.has("code") && !response.has("error")) return null;
  const { secrets, issuer, clientId } = JSON.parse(take(LOGIN_KEY) ?? "{}");
  const code = codeOf(response, secrets, issuer?.issuer, true);
  const metadata = await discover(issuer.discovery, issuer.issuer);
  const tokens = await redeem(metadata.token_endpoint, { code, redirect: REDIRECT, clientId, issuer: issuer.issuer, secrets });
  return { ...ofTokens(tokens), issuer };
}

/** Shows the development issuers to choose from, or why there are none. */
export function showIssuers({ issuers, keeps_keys: keepsKeys }) {
  $("issuer").replaceChildren(...issuers.map(({ id, issuer }) => make("option", { value: id }, issuer)));
  show("issuer-field", issuers.length > 1);
  show("other-user", issuers.length > 0);
  show("users-off", issuers.length === 0);
  $("users-off").textContent = keepsKeys
    ? "Example logins are off: with --keep-keys only your issuer can sign tokens. Paste a token, or sign in at your issuer."
    : "Example logins are off: no issuer of this gateway can sign tokens. Paste a token, or sign in at your issuer.";
  for (const id of ["paste", "real-issuer"]) $(id).open = issuers.length === 0 && id === "paste";
}

/** Shows links that open a second client as another user. */
export function showSecondUser(users, sub) {
  const others = users.filter((user) => user.allowed && user.name !== sub && user.claims.sub !== sub);
  const links = others.map(({ name }) => make("a", { href: `/?user=${encodeURIComponent(name)}`, target: "_blank", rel: "noopener" }, name));
  $("second").replaceChildren("A second client in a new tab:", ...links);
  show("second", others.length > 0);
}

/** Returns a token with the claims of another one and changes: `expires_in`, in seconds, or `audience`. */
export async function mint(issuer, token, changes) {
  const { iss, aud, exp, iat, jti, ...claims } = decode(token).payload;
  const body = JSON.stringify({ issuer: issuer.id, claims, ...changes });
  const response = await fetch("/api/token", { method: "POST", headers: { "Content-Type": "application/json" }, body });
  const reply = await response.json();
  if (!response.ok) throw new Error(reply.error);
  return reply.access_token;
}
