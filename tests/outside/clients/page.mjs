// The page of the local gateway in Chromium, used as a person uses it: by keyboard where that matters. Every request of
// the browser is checked. `node page.mjs [FOLDER]` saves screenshots in FOLDER.
import { accessSync, constants, mkdirSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { check, finish, skip } from "../lib/checks.mjs";
import { ROOT, start } from "../lib/gateway.mjs";

const SCREENSHOTS = process.argv[2];
const TIMEOUT_MS = 15_000;

function chromium() {
  for (const name of ["chromium", "chromium-browser", "google-chrome"]) {
    for (const folder of process.env.PATH.split(delimiter)) {
      try {
        accessSync(join(folder, name), constants.X_OK);
        return join(folder, name);
      } catch {
        // Not in this folder.
      }
    }
  }
  return null;
}

/** A new page, with the browser's complaints and requests recorded. */
async function visit(browser, gateway, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  context.setDefaultTimeout(TIMEOUT_MS);
  const page = await context.newPage();
  const recorded = { complaints: [], urls: [] };
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) recorded.complaints.push(message.text());
  });
  page.on("pageerror", (error) => recorded.complaints.push(error.message));
  page.on("request", (request) => recorded.urls.push(request.url()));
  page.on("websocket", (socket) => recorded.urls.push(socket.url()));
  await page.goto(gateway.address);
  return { page, recorded, end: () => context.close() };
}

async function logIn(page, name) {
  await page.click("#login");
  await page.getByRole("button", { name: new RegExp(`^${name}`) }).click();
  await page.waitForSelector("#logged-in:not([hidden])");
}

/** Presses Tab until the element has the focus. */
async function tabTo(page, selector) {
  for (let presses = 0; presses < 40; presses += 1) {
    await page.keyboard.press("Tab");
    if (await page.evaluate((wanted) => document.activeElement.matches(wanted), selector)) return true;
  }
  return false;
}

const text = (page, selector) => page.locator(selector).innerText();

/** Waits until the element's text matches, and returns the text. */
async function textMatching(page, selector, wanted) {
  try {
    await page.waitForFunction(
      ([selector, source]) => new RegExp(source).test(document.querySelector(selector)?.innerText ?? ""),
      [selector, wanted.source],
    );
  } catch {
    // Late: the text is returned as it is.
  }
  return text(page, selector);
}

async function expect(title, page, selector, wanted) {
  const found = await textMatching(page, selector, wanted);
  check(title, wanted.test(found), found);
}

async function screenshot(page, name, fullPage = false) {
  if (!SCREENSHOTS) return;
  mkdirSync(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage });
}

/** The whole page, in a window as high as the steps are, so that the log next to them is complete. */
async function screenshotWhole(page, name) {
  if (!SCREENSHOTS) return;
  await page.setViewportSize({ width: 1280, height: 900 });
  // The row that has just decided is marked briefly.
  await page.waitForFunction(() => !document.querySelector("tr.hit"));
  await page.waitForTimeout(1000);
  const height = await page.evaluate(() => Math.ceil(document.querySelector("main").getBoundingClientRect().bottom + scrollY) + 24);
  await page.setViewportSize({ width: 1280, height });
  await page.evaluate(() => { document.activeElement.blur(); scrollTo(0, 0); });
  await screenshot(page, name);
}

/** Login and connect without a mouse. */
async function byKeyboard(page) {
  check("Tab leads to the login button", await tabTo(page, "#login"));
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  check("the focus can be seen", outline !== "none", outline);
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/oidc\/users\/authorize/);
  await screenshot(page, "login");
  check("Tab leads to alice", await tabTo(page, "button[value=alice]"));
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.activeElement?.id === "connect");
  check("the code is gone from the address", new URL(page.url()).search === "", page.url());
  check("header of the token", /"alg": "RS256"/.test(await text(page, "#token-header")));
  check("payload of the token", /"tenant": "acme"/.test(await text(page, "#token-payload")));
  const rows = await page.locator("#statements tr").allInnerTexts();
  check("the policy is a table of statements", rows.length >= 3 && rows.some((row) => row.includes("topic/acme/users/alice/*")), rows.join("\n"));
  await page.keyboard.press("Enter");
  await expect("Enter connects", page, "#state", /^connected$/);
}

async function actions(page) {
  await page.getByRole("button", { name: "Subscribe" }).click();
  await expect("an allowed subscribe names its statement", page, "#subscribe-result", /^ALLOWED\s*document 1, statement \d/);
  await page.fill("#payload", "hello from Chromium");
  await page.getByRole("button", { name: "Publish", exact: true }).click();
  await expect("an allowed publish names its statement", page, "#publish-result", /^ALLOWED\s*document 1, statement \d/);
  await expect("its message arrives", page, "#messages", /acme\/users\/alice\/hello[^]*hello from Chromium/);
  await expect("so does its delivery in the log", page, "#log", /iot:Receive topic\/acme\/users\/alice\/hello/);
  await expect("refresh and disconnect count down", page, "#clocks", /Refresh in\s+59:\d\d[^]*Disconnect in\s+3:59:\d\d/);
  const decided = await page.locator("#statements td.number").allInnerTexts();
  check("statements count what they decide", decided.some((number) => Number(number) > 0), decided.join());
}

/** AWS IoT may close the connection for this. Another test checks that; here it is opened again. */
async function deniedSubscribe(page) {
  await page.locator("#filter-examples button", { hasText: "DENIED" }).click();
  await page.getByRole("button", { name: "Subscribe" }).click();
  await expect("a denied subscribe shows the reason", page, "#subscribe-result", /^DENIED\s*no statement allows iot:Subscribe/);
  await page.waitForTimeout(500);
  if ((await text(page, "#state")) !== "connected") await page.getByRole("button", { name: "Connect", exact: true }).click();
  await expect("then the connection is open, or opens again", page, "#state", /^connected$/);
}

async function deniedPublish(page) {
  await page.locator("#topic-examples button", { hasText: "DENIED" }).click();
  check("an example fills the field", (await page.inputValue("#topic")) === "acme/users/somebody-else/hello");
  await page.keyboard.press("Enter");
  await expect("a denied publish shows the reason", page, "#publish-result", /^DENIED\s*no statement allows iot:Publish topic\/acme\/users\/somebody-else\/hello; it is allowed on/);
  await expect("and closes the connection", page, "#state", /^not connected$/);
  await expect("with the MQTT 5 reason code", page, "#connect-result", /A publish or a subscription was denied\. MQTT reason code 0x87/);
  await expect("and the log has the reason", page, "#log", /CLOSED[^]*a publish or a subscription was denied/);
}

/** The event log shows no credentials. */
async function checkSecrets(page) {
  await page.evaluate(() => document.querySelectorAll("details").forEach((details) => { details.open = true; }));
  const all = await page.evaluate(() => document.body.innerText);
  check("the log shows event and response", /"isAuthenticated": true/.test(all) && /"password": "••• \(\d+ characters\)"/.test(all));
  check("no token is on the page", !/eyJ[\w-]{8,}\.|ZXlK\w{8,}/.test(all));
  await page.evaluate(() => document.querySelectorAll("details").forEach((details) => { details.open = false; }));
}

async function checkLayout(page) {
  for (const [width, height] of [[1280, 900], [768, 1024], [390, 844], [320, 640]]) {
    await page.setViewportSize({ width, height });
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    check(`nothing overflows at ${width} pixels`, overflow <= 0, `${overflow} pixels`);
  }
  const unnamed = await page.evaluate(() =>
    [...document.querySelectorAll("input, select, textarea, button")]
      .filter((field) => !(field.labels?.length || field.innerText || field.getAttribute("aria-label") || field.hidden || !field.offsetParent))
      .map((field) => field.outerHTML));
  check("every control has a name", unnamed.length === 0, unnamed.join());
}

function checkBrowser(title, { complaints, urls }, gateway) {
  check(`${title}: the browser reports no warnings or errors`, complaints.length === 0, complaints.join("\n"));
  const foreign = urls.filter((url) => new URL(url).host !== `127.0.0.1:${gateway.port}`);
  check(`${title}: no request leaves this machine (${urls.length} requests)`, urls.length > 8 && foreign.length === 0, foreign.join("\n"));
}

async function wholeFlow(browser, gateway) {
  const { page, recorded, end } = await visit(browser, gateway);
  await byKeyboard(page);
  await actions(page);
  await deniedSubscribe(page);
  await deniedPublish(page);
  await page.getByRole("button", { name: "Connect", exact: true }).click();
  await expect("and opens again", page, "#state", /^connected$/);
  await screenshotWhole(page, "page");
  await checkSecrets(page);
  await checkLayout(page);
  await page.setViewportSize({ width: 390, height: 844 });
  await screenshot(page, "phone", true);
  await page.emulateMedia({ colorScheme: "dark" });
  await page.setViewportSize({ width: 1280, height: 900 });
  await screenshotWhole(page, "dark");
  checkBrowser("the whole flow", recorded, gateway);
  await end();
}

async function deniedLogin(browser, gateway) {
  const { page, recorded, end } = await visit(browser, gateway);
  await logIn(page, "eve");
  await expect("a wildcard as tenant gets no policy, and the page shows the reason", page, "#policy-error", /No policy: the authorizer denied the client \(unsafe_claim_value/);
  await screenshot(page, "denied");
  await page.click("#connect");
  await expect("and does not connect, with the reason that the gateway reports", page, "#connect-result", /^DENIED\s*The authorizer denied the client\./);
  await page.click("#logout");
  check("logging out removes the token", (await text(page, "#login")) === "Log in" && (await page.locator("#token-payload").textContent()) === "");
  checkBrowser("a denied login", recorded, gateway);
  check("and hides the actions", await page.locator("#actions").isHidden());
  await page.goto(`${gateway.address}?code=x&state=y&iss=z`);
  await expect("a login that did not start here is rejected", page, "#login-error", /did not start here/);
  await end();
}

/** A name that contains markup is shown as text. */
async function markup(browser, gateway) {
  const { page, recorded, end } = await visit(browser, gateway);
  const name = "<img src=x id=evil>";
  await page.click("#login");
  await page.getByText("Another user").click();
  await page.getByLabel("Subject").fill(name);
  await page.getByLabel("Further claims").fill("[1]");
  await page.getByRole("button", { name: "Log in" }).click();
  await expect("claims that are not an object are rejected on the login page", page, ".fault", /must be a JSON object/);
  await page.getByLabel("Subject").fill(name);
  await page.getByLabel("Further claims").fill(JSON.stringify({ tenant: name }));
  await page.getByRole("button", { name: "Log in" }).click();
  await expect("any other subject can log in", page, "#who", /^<img src=x id=evil>$/);
  await expect("and is denied if its claims are unsafe", page, "#policy-error", /unsafe_claim_value|client_id_not_allowed/);
  check("markup in a claim is text on the page", (await page.locator("#evil").count()) === 0);
  // The browser itself reports the status of the first response.
  recorded.complaints = recorded.complaints.filter((complaint) => !complaint.includes("400 (Bad Request)"));
  checkBrowser("markup", recorded, gateway);
  await end();
}

async function acceleratedTime(browser, gateway) {
  const { page, recorded, end } = await visit(browser, gateway);
  await logIn(page, "olga");
  await page.click("#connect");
  await expect("the page shows that time is accelerated", page, "#refresh-left", /1800 times as fast/);
  await expect("the authorizer is called again", page, "#log", /REFRESHED/);
  await expect("the connection closes when its time is over", page, "#connect-result", /disconnectAfterInSeconds has elapsed\. MQTT reason code 0x98/i);
  await expect("and the log has the reason", page, "#log", /disconnectAfterInSeconds has elapsed/);
  checkBrowser("accelerated time", recorded, gateway);
  await end();
}

const vendored = readFileSync(join(ROOT, "local/gateway/page/vendor/mqtt.esm.js"));
const installed = readFileSync(new URL("node_modules/mqtt/dist/mqtt.esm.js", import.meta.url));
check("the served mqtt.js is the one that npm installs", vendored.equals(installed));
const executablePath = chromium();
if (!executablePath) {
  skip("the page in Chromium", "Chromium is missing");
  finish();
}
const playwright = await import("playwright-core");
const browser = await playwright.chromium.launch({
  executablePath,
  args: [
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
  ],
});
const gateways = [];
try {
  gateways.push(await start());
  await wholeFlow(browser, gateways[0]);
  await deniedLogin(browser, gateways[0]);
  await markup(browser, gateways[0]);
  gateways.push(await start("--time-scale", "1800"));
  await acceleratedTime(browser, gateways[1]);
} catch (error) {
  check("the test runs to its end", false, error.stack);
} finally {
  await browser.close();
  gateways.forEach((gateway) => gateway.end());
}
finish();
