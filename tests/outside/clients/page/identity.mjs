// The page with a Cognito identity: signed in the browser, denied without a policy, and attached by the function.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { audit, injectAxe } from "./accessibility.mjs";
import { button, checkBrowser, connected, expect, screenshot, signIn, tabTo, text, visit } from "./browser.mjs";
import { check } from "../../lib/checks.mjs";
import { ROOT, token } from "../../lib/gateway.mjs";

const POLICY = readFileSync(join(ROOT, "provision/policies/app.json"), "utf8");
/** The function is built at its first invocation. */
const BUILD_MS = 600_000;
const CREDENTIALS = {
  accessKeyId: "ASIAIOSFODNN7EXAMPLE", secretKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
  sessionToken: "IQoJb3JpZ2luX2VjEXAMPLE//token+with/slash==",
};
const DATE = new Date("2026-01-15T12:00:00Z");
/** Made by @smithy/signature-v4 5.7.5 without the token, and by botocore 1.44.8. */
const OF_ADDRESS = "f6fedf0d3eafaceb27372a2e3a2478144ad26675c16bb180eef6c1e83bec0953";
const OF_HEADERS = "5977832dbcfd33da2387987e4bef2922135f66b93eaf3fe0030b31e037a89cb9";

/** The page's own signer against signatures of AWS's. */
export async function signer() {
  const source = readFileSync(join(ROOT, "local/gateway/page/sigv4.js"), "base64");
  const { presign, signedHeaders } = await import(`data:text/javascript;base64,${source}`);
  const region = "us-east-1";
  const address = await presign({ host: "localhost:8443", region, credentials: CREDENTIALS, date: DATE });
  check("the signer signs an address as AWS's does", address.includes(`&X-Amz-Signature=${OF_ADDRESS}&`), address);
  check("and adds the token after signing", address.endsWith("&X-Amz-Security-Token=IQoJb3JpZ2luX2VjEXAMPLE%2F%2Ftoken%2Bwith%2Fslash%3D%3D"), address);
  const request = { method: "POST", host: "localhost:8080", path: "/2015-03-31/functions/attach/invocations", body: "{}", service: "lambda", region };
  const headers = await signedHeaders({ ...request, credentials: CREDENTIALS, date: DATE });
  check("the signer signs a request as AWS's does", headers.authorization.endsWith(`Signature=${OF_HEADERS}`), headers.authorization);
  for (const [name, value] of Object.entries({ method: "GET", host: "localhost", path: "/other", body: "{} ", service: "iot", region: "eu-west-1" })) {
    const other = await signedHeaders({ ...request, [name]: value, credentials: CREDENTIALS, date: DATE });
    check(`the signature covers ${name}`, !other.authorization.includes(OF_HEADERS));
  }
}

/** Calls AWS IoT's control plane, which takes any key that it does not know. */
const control = (gateway, method, path, body) => fetch(new URL(path, gateway.address), {
  method,
  headers: {
    authorization: `AWS4-HMAC-SHA256 Credential=page-test/20260115/us-east-1/iot/aws4_request, SignedHeaders=host, Signature=${"0".repeat(64)}`,
    "content-type": "application/json",
  },
  body: body && JSON.stringify(body),
});

/** Removes what an earlier run has left in the registry. */
async function clean(gateway, identity) {
  if (identity) await control(gateway, "POST", "target-policies/app", { target: identity });
  await control(gateway, "DELETE", "policies/app");
}

/** Chooses the identity by keyboard. Returns its id. */
async function choose(page) {
  await button(page, "Disconnect").click();
  await expect("the token's client disconnects", page, "#state", /^not connected$/);
  check("the token is chosen at first", await page.locator("input[value=token]").isChecked());
  await page.locator("#login-title").focus();
  check("Tab leads to the choice", await tabTo(page, "input[name=way]"));
  await page.keyboard.press("ArrowDown");
  await expect("an arrow key chooses the identity, whose id is shown", page, "#identity-id", /^us-east-1:[0-9a-f-]{36}$/);
  const id = await text(page, "#identity-id");
  check("the client id is the identity id", (await page.inputValue("#client-id")) === id);
  return id;
}

async function withoutPolicy(page, id) {
  await button(page, "Connect").click();
  await expect("without an attached policy CONNECT is denied, with the reason", page, "#connect-result", /^DENIED[^]*no AWS IoT policy is attached/);
  await expect("the page shows the command with the identity", page, "#attach-command", new RegExp(`aws iot attach-policy --policy-name app --target ${id} `));
}

async function attach(page, gateway) {
  await button(page, "Invoke the function attach").click();
  await page.waitForFunction(() => /^(ATTACHED|FAILED)/.test(document.querySelector("#attach-result").innerText), null, { timeout: BUILD_MS });
  await expect("the function cannot attach a policy that does not exist", page, "#attach-result", /^FAILED\s*attach: /);
  await control(gateway, "POST", "policies/app", { policyDocument: POLICY });
  await button(page, "Invoke the function attach").click();
  await expect("the function attaches the policy to the identity that signs", page, "#attach-result", /^ATTACHED\s*Policy app\./);
}

async function actions(page, id) {
  await button(page, "Connect").click();
  await connected(page);
  check("the commands are gone", await page.locator("#attach").isHidden());
  check("the choice is fixed while connected", await page.locator("input[value=token]").isDisabled());
  check("a topic of the identity is proposed", (await page.inputValue("#topic")) === `apps/${id}/hello`);
  await button(page, "Subscribe").click();
  await expect("an allowed subscribe names its statements", page, "#subscribe-result", /^ALLOWED/);
  await button(page, "Publish").click();
  await expect("an allowed publish too", page, "#publish-result", /^ALLOWED/);
  await expect("its message arrives", page, "#messages", new RegExp(`apps/${id}/hello`));
  await page.fill("#topic", "apps/another/hello");
  await button(page, "Publish").click();
  await expect("a topic of another identity is denied", page, "#publish-result", /^DENIED/);
  await expect("and closes the connection", page, "#state", /^not connected$/);
}

/** Another client id than the identity's is denied, though a policy is attached. */
async function otherClientId(page) {
  await page.fill("#client-id", "somebody-else");
  await button(page, "Connect").click();
  await expect("another client id is denied", page, "#connect-result", /^DENIED/);
  check("without the commands, which would not help", await page.locator("#attach").isHidden());
}

async function checkSecrets(page) {
  await page.evaluate(() => document.querySelectorAll("details").forEach((details) => { details.open = true; }));
  const all = await page.evaluate(() => document.body.innerText);
  check("neither token nor signature is on the page", !/eyJ[\w-]{8,}\.|X-Amz-Signature=[0-9a-f]|X-Amz-Security-Token=[^*•]/.test(all));
  const stored = await page.evaluate(() => JSON.stringify(sessionStorage) + JSON.stringify(localStorage));
  check("credentials are not stored", !/ASIA|SecretKey|secretKey/.test(stored));
}

export async function cognitoIdentity(browser, gateway) {
  const { page, recorded, end } = await visit(browser, gateway);
  await signIn(page, "alice");
  await connected(page);
  const id = await choose(page);
  await clean(gateway, id);
  await withoutPolicy(page, id);
  await screenshot(page, "identity-denied", true);
  await attach(page, gateway);
  await actions(page, id);
  await otherClientId(page);
  await checkSecrets(page);
  await page.locator("input[value=token]").check();
  check("back to the token, its client id returns", (await page.inputValue("#client-id")) === "alice/page", await page.inputValue("#client-id"));
  await button(page, "Connect").click();
  await connected(page);
  checkBrowser("a Cognito identity", recorded, gateway);
  await end();
  await looks(browser, gateway, id);
  await clean(gateway, id);
}

/** What the identity pool and the handshake deny. The browser itself reports their status. */
export async function deniedIdentity(browser, gateway) {
  const { page, end } = await visit(browser, gateway);
  await signIn(page, "ben");
  await connected(page);
  await page.evaluate(() => {
    const session = JSON.parse(sessionStorage.getItem("iot-local-token"));
    sessionStorage.setItem("iot-local-token", JSON.stringify({ ...session, idToken: session.token }));
  });
  await page.reload();
  await connected(page);
  await button(page, "Disconnect").click();
  await page.locator("input[value=identity]").check();
  await expect("an access token gives no identity", page, "#identity-error", /^GetId: NotAuthorizedException: /);
  await button(page, "Connect").click();
  await expect("and does not connect", page, "#identity-error", /^GetId: NotAuthorizedException: /);
  check("not connected", (await text(page, "#state")) === "not connected" && (await text(page, "#connect-result")) === "");
  await button(page, "Sign out").click();
  await signIn(page, "ben");
  await connected(page);
  check("a new sign-in begins with the token", await page.locator("input[value=token]").isChecked() && await page.locator("#identity").isHidden());
  await button(page, "Disconnect").click();
  await page.locator("input[value=identity]").check();
  await expect("its ID token gives an identity", page, "#identity-id", /^us-east-1:/);
  await page.clock.setFixedTime(new Date(Date.now() + 600_000));
  await button(page, "Connect").click();
  await expect("a clock that is ten minutes fast is denied", page, "#connect-result", /^DENIED\s*The gateway closed the connection before it was established/);
  await page.locator("#mine").uncheck();
  await expect("and the event log has the reason", page, "#log", /X-Amz-Date is/);
  await end();
  const pasted = await visit(browser, gateway);
  await pasted.page.locator("#paste summary").click();
  await pasted.page.fill("#pasted", token("paula", "tenant=acme"));
  await button(pasted.page, "Use this token").click();
  await connected(pasted.page);
  check("without an ID token there is no choice", await pasted.page.locator("#ways").isHidden());
  await pasted.end();
}

/** axe-core and pictures on desktop and phone, light and dark, with the commands and connected. */
async function looks(browser, gateway, id) {
  for (const [size, viewport] of Object.entries({ desktop: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } })) {
    for (const colorScheme of ["light", "dark"]) {
      const title = `Cognito identity, ${size}, ${colorScheme}`;
      await clean(gateway, id);
      const { page, end } = await visit(browser, gateway, { viewport, colorScheme, reducedMotion: "reduce" });
      await injectAxe(page);
      await signIn(page, "alice");
      await connected(page);
      await button(page, "Disconnect").click();
      await page.locator("input[value=identity]").check();
      await expect(`${title}: the identity`, page, "#identity-id", /:/);
      await button(page, "Connect").click();
      await expect(`${title}: denied`, page, "#attach-command", /attach-policy/);
      await audit(page, title);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      check(`${title}: nothing overflows`, overflow <= 0, `${overflow} pixels`);
      await screenshot(page, `identity-${size}-${colorScheme}`, true);
      await end();
    }
  }
}
