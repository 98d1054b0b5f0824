// The form for a sign-in at the user's own issuer, which `issuer.html` performs.

import { $, copyOn, make } from "./dom.js";
import { REQUEST_KEY } from "./session.js";

const REDIRECT = `${location.origin}/issuer.html`;

/** Fills the form in with the configured issuers. */
export function show({ configured }) {
  $("redirect-uri").textContent = REDIRECT;
  copyOn($("copy-redirect"), () => REDIRECT);
  const other = new URL(location.origin);
  other.hostname = location.hostname === "localhost" ? "127.0.0.1" : "localhost";
  [$("other-name").href, $("other-name").textContent] = [other.href, other.href];
  $("configured-issuers").replaceChildren(...configured.map((issuer) => make("option", { value: issuer })));
  $("issuer-url").value = configured[0] ?? "";
}

/** Continues on the page that may connect to the issuer. */
export function submit() {
  const value = (id) => $(id).value.trim();
  const issuer = value("issuer-url");
  const request = {
    issuer, clientId: value("issuer-client"), redirect: REDIRECT, scope: value("issuer-scope"), audience: value("issuer-audience"),
    kind: value("issuer-kind"),
  };
  sessionStorage.setItem(REQUEST_KEY, JSON.stringify(request));
  location.assign(`/issuer.html?connect=${encodeURIComponent(new URL(issuer).origin)}`);
}
