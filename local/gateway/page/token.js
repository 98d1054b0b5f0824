// The token of the session: what it contains, and broken variants of it.

import { $, json, make, show, showResult } from "./dom.js";
import { decode, withPayload } from "./oidc.js";

const KINDS = { development: "development token", pasted: "pasted token", issued: "token of your issuer" };
const HOUR = 3600;

/** Shows who is signed in. */
export function showToken({ token, kind, broken }) {
  const { header, payload } = decode(token);
  $("who").textContent = String(payload.sub ?? "no subject");
  $("token-kind").textContent = `(${broken ? `${broken}, ` : ""}${KINDS[kind]}).`;
  $("token-header").replaceChildren(...json(header));
  $("token-payload").replaceChildren(...json(payload));
  for (const [id, isSignedIn] of [["signed-out", false], ["signed-in", true]]) show(id, isSignedIn);
}

/** Opens header and payload where there is room for them. */
export const unfoldToken = () => { $("token").open = matchMedia("(min-width: 1000px)").matches; };

/**
 * The ways to break a token. `minted` is what the development issuer signs differently; any other token gets `claims`
 * with the old signature. `token` changes a token of any issuer.
 */
const BREAKS = [
  { name: "expired", label: "Expired", minted: { expires_in: -HOUR }, claims: { exp: 1 } },
  { name: "other audience", label: "Other audience", minted: { audience: "another-audience" }, claims: { aud: "another-audience" } },
  { name: "signature changed", label: "Changed signature", token: flipSignature },
  { name: "payload changed", label: "Changed payload, old signature", claims: { sub: "somebody-else" } },
];

/** Changes one bit of the first byte of the signature. */
function flipSignature(token) {
  const [header, payload, signature] = token.split(".");
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const first = alphabet[alphabet.indexOf(signature[0]) ^ 1];
  return [header, payload, first + signature.slice(1)].join(".");
}

/** Shows the buttons. `mint` signs a broken development token; `use` continues with a broken token or the old one. */
export function showBreaks({ token, kind, broken, original }, { mint, use }) {
  const canSign = kind === "development";
  const source = original ?? token;
  const { payload } = decode(source);
  const button = (label, action) => {
    const element = make("button", { type: "button" }, label);
    element.addEventListener("click", () => action().catch((error) => showResult("break-result", "bad", "ERROR", error.message)));
    return element;
  };
  const breaks = BREAKS.map(({ name, label, minted, claims, token: change }) => button(label, async () => {
    const forged = () => (change ? change(source) : withPayload(source, { ...payload, ...claims }));
    await use(canSign && minted ? await mint(source, minted) : forged(), name);
  }));
  $("break-note").textContent = canSign
    ? "The development issuer signs an expired token or one for another audience; the last two have an invalid signature."
    : "Only the issuer can sign, so each change also breaks the signature. The authorizer checks it first.";
  $("break-buttons").replaceChildren(...breaks, ...(broken ? [button("Restore the token", () => use(source, null))] : []));
  if (!broken) showResult("break-result", "", "", "");
}

/** Shows what the authorizer answered to a broken token. */
export function showBreakResult(broken, denial) {
  if (!broken) return;
  if (denial) showResult("break-result", "bad", "DENIED", `${broken}: ${denial}`);
  else showResult("break-result", "good", "ALLOWED", `${broken}: the authorizer accepts this token.`);
}
