// Tokens: denied, broken, pasted, kept over a reload, a second user, and markup in claims.
import { button, checkBrowser, connected, expect, screenshot, signIn, text, visit } from "./browser.mjs";
import { check } from "../../lib/checks.mjs";
import { token } from "../../lib/gateway.mjs";

const stored = (page) => page.evaluate(() => Object.keys(sessionStorage).join());

export async function deniedSignIn(browser, gateway) {
  const { page, recorded, end } = await visit(browser, gateway);
  // The heading is in capitals by its style.
  await expect("users that are denied stand apart", page, "#users", /(Denied on purpose|DENIED ON PURPOSE)\s*eve\s*unsafe_claim_value/);
  await signIn(page, "eve");
  await expect("a wildcard as tenant gets no policy, and the page shows the reason", page, "#policy-error", /No policy: unsafe_claim_value/);
  check("and is not connected by itself", (await text(page, "#connect-result")) === "");
  check("step 2 shows the denial", (await page.getAttribute("#step-2", "data-state")) === "denied");
  await screenshot(page, "denied");
  await button(page, "Connect").click();
  await expect("the button connects all the same, and shows the code", page, "#connect-result", /^DENIED\s*The authorizer denied the client\. unsafe_claim_value/);
  await button(page, "Sign out").click();
  check("signing out removes the token", (await page.locator("#token-payload").textContent()) === "" && (await stored(page)) === "", await stored(page));
  check("and hides the actions", await page.locator("#actions").isHidden());
  await signIn(page, "alice");
  await connected(page);
  await button(page, "Disconnect").click();
  await expect("disconnected", page, "#state", /^not connected$/);
  await page.fill("#client-id", "somebody-else");
  await button(page, "Connect").click();
  await expect("a client id that is not allowed is explained next to the button", page, "#connect-result",
    /^DENIED\s*The authorizer denied the client\. client_id_not_allowed[^]*This token may use the client ids alice, alice\/\*\./);
  checkBrowser("a denied sign-in", recorded, gateway);
  await page.goto(`${gateway.address}?code=x&state=y&iss=z`);
  await expect("a sign-in that did not start here is rejected", page, "#login-error", /did not start in this tab/);
  check("and its code leaves the address", new URL(page.url()).search === "", page.url());
  await end();
}

/** Each way to break a token is denied with its own code. */
export async function brokenTokens(browser, gateway) {
  const { page, recorded, end } = await visit(browser, gateway);
  await signIn(page, "alice");
  await connected(page);
  await page.locator("#break summary").click();
  for (const [name, code] of [
    ["Expired", "expired"],
    ["Other audience", "wrong_audience"],
    ["Changed signature", "bad_signature"],
    ["Changed payload, old signature", "bad_signature"],
  ]) {
    await button(page, name).click();
    await expect(`${name}: ${code}`, page, "#break-result", new RegExp(`^DENIED\\s*[^:]+: ${code}`));
    check(`${name}: no policy, no connection`, await page.locator("#policy").isHidden() && (await text(page, "#state")) === "not connected");
  }
  await button(page, "Restore the token").click();
  await connected(page);
  check("the restored token connects", await page.locator("#policy-error").isHidden());
  checkBrowser("broken tokens", recorded, gateway);
  await end();
}

export async function pastedToken(browser, gateway) {
  const { page, recorded, end } = await visit(browser, gateway);
  await page.locator("#paste summary").click();
  for (const [pasted, reason] of [
    ["oops", /not a JWT: 1 part instead of 3/],
    ["a.b.c", /not a JWT: header and payload must be JSON objects/],
    ["e30.W10.x", /not a JWT: header and payload must be JSON objects/],
    ["e30.e30.x.y", /not a JWT: 4 parts instead of 3/],
  ]) {
    await page.fill("#pasted", pasted);
    await button(page, "Use this token").click();
    await expect(`${pasted} is rejected`, page, "#login-error", reason);
  }
  await page.fill("#pasted", ` ${token("paula", "tenant=acme")}\n`);
  await button(page, "Use this token").click();
  await connected(page);
  check("a pasted token connects", /^paula \(pasted token\)\./.test((await text(page, "#signed-in")).replaceAll("\n", " ")), await text(page, "#signed-in"));
  check("and is not stored", (await stored(page)) === "", await stored(page));
  await page.locator("#break summary").click();
  await button(page, "Expired").click();
  await expect("a change of a pasted token breaks its signature", page, "#break-result", /^DENIED\s*expired: bad_signature/);
  await page.reload();
  await page.waitForSelector("#users button.primary");
  check("a reload forgets it", await page.locator("#signed-in").isHidden());
  checkBrowser("a pasted token", recorded, gateway);
  await end();
}

export async function reload(browser, gateway) {
  const { page, recorded, end } = await visit(browser, gateway);
  await signIn(page, "ben");
  await connected(page);
  await page.reload();
  await connected(page);
  check("a reload keeps a development token, and connects again", /^ben /.test((await text(page, "#signed-in")).replaceAll("\n", " ")));
  await page.locator("#break summary").click();
  await button(page, "Changed signature").click();
  await expect("a broken token is denied", page, "#break-result", /^DENIED/);
  await page.reload();
  await connected(page);
  check("a reload restores the token that was broken", await page.locator("#policy").isVisible());
  await button(page, "Sign out").click();
  await page.reload();
  await page.waitForSelector("#users button.primary");
  check("signing out forgets it", await page.locator("#signed-in").isHidden() && (await stored(page)) === "");
  checkBrowser("a reload", recorded, gateway);
  await end();
}

/** Two users next to each other: each receives its own messages only. */
export async function secondUser(browser, gateway) {
  const { page, recorded, end } = await visit(browser, gateway);
  await signIn(page, "alice");
  await connected(page);
  const opened = page.context().waitForEvent("page");
  await page.locator("#second a", { hasText: "ben" }).click();
  const second = await opened;
  await connected(second);
  check("a link opens a second client as another user", /^ben /.test((await text(second, "#signed-in")).replaceAll("\n", " ")));
  check("the link's parameter leaves the address", new URL(second.url()).search === "", second.url());
  await button(second, "Subscribe").click();
  await expect("it subscribes", second, "#subscribe-result", /^ALLOWED/);
  await second.fill("#filter", "acme/users/alice/#");
  await button(page, "Publish").click();
  await expect("the first user publishes", page, "#publish-result", /^ALLOWED/);
  await button(second, "Subscribe").click();
  await expect("the second user cannot read the first one's topics", second, "#subscribe-result", /^DENIED[^]*acme\/users\/alice\/#/);
  check("and has received nothing", (await second.locator("#messages").innerText()) === "");
  check("the first client stays connected", (await text(page, "#state")) === "connected");
  const foreign = await page.context().newPage();
  await foreign.goto(`${gateway.address}?user=ben`);
  await foreign.waitForSelector("#users button.primary");
  check("a link from elsewhere does not sign in by itself", /^Sign in as ben/.test(await text(foreign, "#users button.primary")) && await foreign.locator("#signed-in").isHidden());
  checkBrowser("a second user", recorded, gateway);
  await end();
}

/** A name that contains markup is shown as text, on this page and on the login page that apps see. */
export async function markup(browser, gateway) {
  const { page, recorded, end } = await visit(browser, gateway);
  const name = "<img src=x id=evil>";
  await page.getByText("Another subject or other claims").click();
  await page.fill("#sub", name);
  await page.fill("#claims", "[1]");
  await button(page, "Sign in with these claims").click();
  await expect("claims that are not an object are rejected", page, "#login-error", /expected a JSON object/);
  await page.fill("#claims", JSON.stringify({ tenant: name }));
  await button(page, "Sign in with these claims").click();
  await expect("any other subject can sign in", page, "#who", /^<img src=x id=evil>$/);
  await expect("and is denied if its claims are unsafe", page, "#policy-error", /unsafe_claim_value|client_id_not_allowed/);
  check("markup in a claim is text on the page", (await page.locator("#evil").count()) === 0);
  await button(page, "Sign out").click();
  await page.locator("#other-user").evaluate((details) => { details.open = true; });
  await button(page, "Open the login page that apps see").click();
  await page.waitForURL(/\/oidc\/users\/authorize/);
  await screenshot(page, "login");
  check("the login page has the same name", (await page.title()) === "Sign in · iot-jwt-authorizer · local gateway", await page.title());
  await page.getByText("Another user").click();
  await page.getByLabel("Subject").fill(name);
  await page.getByLabel("Further claims").fill("[1]");
  await button(page, "Sign in").click();
  await expect("the login page rejects the same claims", page, ".fault", /must be a JSON object/);
  await page.getByRole("button", { name: /^alice/ }).click();
  await expect("the login page returns here, signed in", page, "#who", /^alice$/);
  check("and the code is gone from the address", new URL(page.url()).search === "", page.url());
  // The browser itself reports the status of the rejected form.
  recorded.complaints = recorded.complaints.filter((complaint) => !complaint.includes("400 (Bad Request)"));
  checkBrowser("markup", recorded, gateway);
  await end();
}
