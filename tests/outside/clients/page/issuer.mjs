// With --keep-keys: no example users, but pasted tokens and sign-in at the user's own issuer by PKCE.
import { button, checkBrowser, connected, expect, screenshot, text, visit } from "./browser.mjs";
import { check } from "../../lib/checks.mjs";

async function fillIssuer(page, issuer, { kind = "access_token", client = issuer.client, url = issuer.issuer } = {}) {
  // The page unfolds the form when it knows that the gateway has no keys of the issuer.
  await page.locator("#users-off").waitFor();
  if (!(await page.locator("#issuer-url").isVisible())) await page.locator("#real-issuer summary").click();
  await page.fill("#issuer-url", url);
  await page.fill("#issuer-client", client);
  await page.selectOption("#issuer-kind", kind);
  await button(page, "Go to the issuer").click();
}

export async function keptKeys(browser, gateway, issuer) {
  const { page, recorded, end } = await visit(browser, gateway);
  await expect("example logins are off, with the reason", page, "#users-off", /^Example logins are off: with --keep-keys only your issuer can sign tokens\./);
  check("no example user is offered", (await page.locator("#users button").count()) === 0 && await page.locator("#other-user").isHidden());
  await screenshot(page, "keep-keys");
  await page.fill("#pasted", issuer.token({ exp: 1 }));
  await button(page, "Use this token").click();
  await expect("an expired token of the issuer is denied", page, "#policy-error", /No policy: expired/);
  await button(page, "Sign out").click();
  await page.fill("#pasted", issuer.token({}));
  await button(page, "Use this token").click();
  await connected(page);
  check("a pasted token of the issuer connects", /^ines \(pasted token\)\./.test((await text(page, "#signed-in")).replaceAll("\n", " ")));
  check("its policy has its lines", /policies\/app-user\.json:5/.test(await text(page, "#statements")));
  checkBrowser("kept keys", recorded, gateway);
  await end();
}

export async function issuerSignIn(browser, gateway, issuer) {
  const { page, recorded, end } = await visit(browser, gateway);
  await page.locator("#real-issuer summary").click();
  // The page reads the configuration after it is shown. Without an issuer, the check below fails.
  await page.waitForFunction(() => document.querySelector("#issuer-url").value !== "").catch(() => {});
  check("the configured issuer is filled in", (await page.inputValue("#issuer-url")) === issuer.issuer);
  check("the redirect URI to register is shown", (await text(page, "#redirect-uri")) === `${gateway.address}issuer.html`);
  await fillIssuer(page, issuer);
  await connected(page);
  check("sign-in at the own issuer returns signed in", /^ines \(token of your issuer\)\./.test((await text(page, "#signed-in")).replaceAll("\n", " ")));
  check("no code or token is in the address or stored", new URL(page.url()).search === "" && (await page.evaluate(() => sessionStorage.length)) === 0);
  await button(page, "Sign out").click();
  issuer.behaviour.identity = { aud: "iot.example.com" };
  await fillIssuer(page, issuer, { kind: "id_token" });
  await expect("an ID token for another client is rejected", page, "#error", /ID token does not belong to this sign-in/);
  issuer.behaviour.identity = { aud: [issuer.client, "iot.example.com"] };
  await page.goto(gateway.address);
  await fillIssuer(page, issuer, { kind: "id_token" });
  await connected(page);
  check("the ID token can be the token", (await text(page, "#token-payload").catch(() => "")).includes("own-app") || (await page.locator("#token-payload").textContent()).includes("own-app"));
  issuer.behaviour.identity = {};
  checkBrowser("sign-in at the own issuer", recorded, gateway, [issuer.host]);
  await end();
}

/** Each fault of an issuer, or of an attacker, ends the sign-in with its reason, and without a token. */
export async function rejectedSignIns(browser, gateway, issuer) {
  const { behaviour } = issuer;
  const elsewhere = issuer.issuer.replace("127.0.0.1", "localhost");
  for (const [title, change, reason, form] of [
    ["no CORS", { allowsOrigins: false }, /does not allow requests from http:\/\/127\.0\.0\.1:\d+ \(CORS\)/],
    ["another state", { state: () => "x" }, /did not start in this tab/],
    ["a document of another issuer", { document: { issuer: "http://127.0.0.1:1" } }, /is for issuer "http:\/\/127\.0\.0\.1:1"; expected/],
    ["another nonce", { identity: { nonce: "x" } }, /ID token does not belong to this sign-in/],
    ["an ID token of another issuer", { identity: { iss: "http://127.0.0.1:1" } }, /ID token does not belong to this sign-in/],
    ["an unknown client", {}, /invalid_grant/, { client: "another-app" }],
    ["a response without the promised iss", { document: { authorization_response_iss_parameter_supported: true } }, /the response is from another issuer/],
    ["a document without a token endpoint", { document: { token_endpoint: undefined } }, /no authorization_endpoint or token_endpoint/],
    ["an issuer that does not respond", {}, /does not respond, or is not allowed by this page/, { url: "http://127.0.0.1:9" }],
  ]) {
    Object.assign(behaviour, { allowsOrigins: true, state: (state) => state, document: {}, identity: {} }, change);
    const { page, end } = await visit(browser, gateway);
    await fillIssuer(page, issuer, form);
    await expect(`${title}: rejected with the reason`, page, "#error", reason);
    check(`${title}: nothing is stored as a token`, (await page.evaluate(() => sessionStorage.getItem("iot-local-issued"))) === null);
    await end();
  }
  Object.assign(behaviour, { allowsOrigins: true, state: (state) => state, document: {}, identity: {} });
  const { page, recorded, end } = await visit(browser, gateway);
  const blocked = await page.evaluate((address) => fetch(address).then(() => "read", () => "blocked"), `${issuer.issuer}/.well-known/openid-configuration`);
  check("the main page itself cannot reach another origin", blocked === "blocked", blocked);
  await page.goto(`${gateway.address}issuer.html?connect=${encodeURIComponent(elsewhere)}`);
  await expect("the issuer page does nothing unless a sign-in was started", page, "#error", /No sign-in has been started in this tab/);
  check("and sends no request", !recorded.urls.some((url) => url.startsWith(elsewhere)));
  await end();
}
