// The page of the front door in Chromium, as somebody uses it: by keyboard alone where that matters, and with an eye on
// everything that the browser asks for. `node page.mjs [FOLDER]` keeps its screenshots in FOLDER.
//
// Prints one line for each check and a closing line; exits 1 if any failed. BOOTSTRAP names a built function.
import { spawn } from "node:child_process";
import { accessSync, constants, mkdirSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SHOTS = process.argv[2];
const PATIENCE = 15_000;
const tally = { passed: 0, failed: 0, skipped: 0 };

function check(title, good, detail = "") {
  tally[good ? "passed" : "failed"] += 1;
  console.log(`${good ? "ok" : "FAILED"}: ${title}${good ? "" : `: ${detail}`}`);
}

function finish() {
  console.log(`${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped`);
  process.exit(tally.failed ? 1 : 0);
}

function chromium() {
  for (const name of ["chromium", "chromium-browser", "google-chrome"]) {
    for (const folder of process.env.PATH.split(delimiter)) {
      try {
        accessSync(join(folder, name), constants.X_OK);
        return join(folder, name);
      } catch {
        // Not there.
      }
    }
  }
  return null;
}

/** `cargo local` on a port of its own. */
async function open(...options) {
  const more = process.env.BOOTSTRAP ? ["--bootstrap", process.env.BOOTSTRAP] : [];
  const run = ["run", "--quiet", "--locked", "--package", "iot-local", "--", "--port", "0", "--tls-port", "0", ...more, ...options];
  const door = spawn(process.env.CARGO ?? "cargo", run, { cwd: ROOT, stdio: ["ignore", "pipe", "inherit"], detached: true });
  const lines = createInterface({ input: door.stdout });
  const port = await new Promise((resolve, reject) => {
    let found;
    lines.on("line", (line) => {
      found ??= line.match(/ws:\/\/127\.0\.0\.1:(\d+)/)?.[1];
      if (line.startsWith("What happens")) resolve(found);
    });
    door.on("exit", () => reject(new Error("cargo local ended")));
  });
  // The group of the process that was started here: cargo and what it runs.
  return { port, address: `http://127.0.0.1:${port}/`, end: () => process.kill(-door.pid, "SIGTERM") };
}

/** A fresh page, whose complaints and requests are kept. */
async function visit(browser, door, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  const seen = { complaints: [], urls: [] };
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) seen.complaints.push(message.text());
  });
  page.on("pageerror", (error) => seen.complaints.push(error.message));
  page.on("request", (request) => seen.urls.push(request.url()));
  page.on("websocket", (socket) => seen.urls.push(socket.url()));
  await page.goto(door.address);
  return { page, seen, end: () => context.close() };
}

async function logIn(page, name) {
  await page.click("#login");
  await page.getByRole("button", { name: new RegExp(`^${name}`) }).click();
  await page.waitForSelector("#logged-in:not([hidden])");
}

/** Presses Tab until the element has the focus, as somebody without a mouse does. */
async function tabTo(page, selector) {
  for (let presses = 0; presses < 40; presses += 1) {
    await page.keyboard.press("Tab");
    if (await page.evaluate((wanted) => document.activeElement.matches(wanted), selector)) return true;
  }
  return false;
}

const text = (page, selector) => page.locator(selector).innerText();

/** Waits until the element says something like that; what it says in the end. */
async function says(page, selector, wanted) {
  try {
    await page.waitForFunction(
      ([selector, source]) => new RegExp(source).test(document.querySelector(selector)?.innerText ?? ""),
      [selector, wanted.source],
    );
  } catch {
    // What is there instead is the answer.
  }
  return text(page, selector);
}

async function expect(title, page, selector, wanted) {
  const said = await says(page, selector, wanted);
  check(title, wanted.test(said), said);
}

async function shoot(page, name, fullPage = false) {
  if (!SHOTS) return;
  mkdirSync(SHOTS, { recursive: true });
  await page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage });
}

/** All of it, in a window as high as the steps are, so that the log beside them is whole, too. */
async function shootWhole(page, name) {
  if (!SHOTS) return;
  await page.setViewportSize({ width: 1280, height: 900 });
  // What has just decided is marked for a moment, and fades.
  await page.waitForFunction(() => !document.querySelector("tr.hit"));
  await page.waitForTimeout(1000);
  const height = await page.evaluate(() => Math.ceil(document.querySelector("main").getBoundingClientRect().bottom + scrollY) + 24);
  await page.setViewportSize({ width: 1280, height });
  await page.evaluate(() => { document.activeElement.blur(); scrollTo(0, 0); });
  await shoot(page, name);
}

/** Login and connect without a mouse. */
async function byKeyboard(page) {
  check("Tab leads to the login button", await tabTo(page, "#login"));
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  check("the focus can be seen", outline !== "none", outline);
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/oidc\/users\/authorize/);
  await shoot(page, "login");
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

/** AWS IoT may close the connection for it, which is another test's business: it is opened anew if it is. */
async function refusedSubscribe(page) {
  await page.locator("#filter-examples button", { hasText: "REFUSED" }).click();
  await page.getByRole("button", { name: "Subscribe" }).click();
  await expect("a refused subscribe says why", page, "#subscribe-result", /^REFUSED\s*no statement allows iot:Subscribe/);
  await page.waitForTimeout(500);
  if ((await text(page, "#state")) !== "connected") await page.getByRole("button", { name: "Connect", exact: true }).click();
  await expect("after which the connection lives or can be opened anew", page, "#state", /^connected$/);
}

async function refusedPublish(page) {
  await page.locator("#topic-examples button", { hasText: "REFUSED" }).click();
  check("an example fills the field", (await page.inputValue("#topic")) === "acme/users/somebody-else/hello");
  await page.keyboard.press("Enter");
  await expect("a refused publish says why", page, "#publish-result", /^REFUSED\s*no statement allows iot:Publish topic\/acme\/users\/somebody-else\/hello; it is allowed on/);
  await expect("and closes the connection", page, "#state", /^not connected$/);
  await expect("with the reason of MQTT 5", page, "#connect-result", /A publish (or a subscription )?was refused\. MQTT reason 0x87/);
  await expect("which the log explains", page, "#log", /CLOSED[^]*a publish (or a subscription )?was refused/);
}

/** What the event log shows of credentials: nothing. */
async function secrets(page) {
  await page.evaluate(() => document.querySelectorAll("details").forEach((details) => { details.open = true; }));
  const all = await page.evaluate(() => document.body.innerText);
  check("the log shows event and answer", /"isAuthenticated": true/.test(all) && /"password": "••• \(\d+ characters\)"/.test(all));
  check("no token is on the page", !/eyJ[\w-]{8,}\.|ZXlK\w{8,}/.test(all));
  await page.evaluate(() => document.querySelectorAll("details").forEach((details) => { details.open = false; }));
}

async function layout(page) {
  for (const [width, height] of [[1280, 900], [768, 1024], [390, 844], [320, 640]]) {
    await page.setViewportSize({ width, height });
    const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    check(`nothing sticks out at ${width} pixels`, over <= 0, `${over} pixels`);
  }
  const nameless = await page.evaluate(() =>
    [...document.querySelectorAll("input, select, textarea, button")]
      .filter((field) => !(field.labels?.length || field.innerText || field.getAttribute("aria-label") || field.hidden || !field.offsetParent))
      .map((field) => field.outerHTML));
  check("every control has a name", nameless.length === 0, nameless.join());
}

function quiet(title, { complaints, urls }, door) {
  check(`${title}: the browser has nothing to complain about`, complaints.length === 0, complaints.join("\n"));
  const foreign = urls.filter((url) => new URL(url).host !== `127.0.0.1:${door.port}`);
  check(`${title}: no request leaves this machine (${urls.length} requests)`, urls.length > 8 && foreign.length === 0, foreign.join("\n"));
}

async function wholeFlow(browser, door) {
  const { page, seen, end } = await visit(browser, door);
  await byKeyboard(page);
  await actions(page);
  await refusedSubscribe(page);
  await refusedPublish(page);
  await page.getByRole("button", { name: "Connect", exact: true }).click();
  await expect("and can be opened anew", page, "#state", /^connected$/);
  await shootWhole(page, "page");
  await secrets(page);
  await layout(page);
  await page.setViewportSize({ width: 390, height: 844 });
  await shoot(page, "phone", true);
  await page.emulateMedia({ colorScheme: "dark" });
  await page.setViewportSize({ width: 1280, height: 900 });
  await shootWhole(page, "dark");
  quiet("the whole flow", seen, door);
  await end();
}

async function refusedLogin(browser, door) {
  const { page, seen, end } = await visit(browser, door);
  await logIn(page, "eve");
  await expect("a wildcard as a tenant buys nothing, and the page says why", page, "#policy-fault", /Nothing: the authorizer refused the client \(unsafe_claim_value/);
  await shoot(page, "refused");
  await page.click("#connect");
  await expect("nor does it connect, for the reason that the door knows", page, "#connect-result", /^REFUSED\s*The authorizer refused the client\./);
  await page.click("#logout");
  check("logging out forgets the token", (await text(page, "#login")) === "Log in" && (await page.locator("#token-payload").textContent()) === "");
  quiet("a refused login", seen, door);
  check("and leaves nothing to act with", await page.locator("#actions").isHidden());
  await page.goto(`${door.address}?code=x&state=y&iss=z`);
  await expect("a login that was not begun here is refused", page, "#login-fault", /not begun here/);
  await end();
}

/** Somebody whose name is markup is shown by that name. */
async function markup(browser, door) {
  const { page, seen, end } = await visit(browser, door);
  const name = "<img src=x id=evil>";
  await page.click("#login");
  await page.getByText("Somebody else").click();
  await page.getByLabel("Subject").fill(name);
  await page.getByLabel("Further claims").fill("[1]");
  await page.getByRole("button", { name: "Log in" }).click();
  await expect("claims that are no object are refused on the login page", page, ".fault", /must be a JSON object/);
  await page.getByLabel("Subject").fill(name);
  await page.getByLabel("Further claims").fill(JSON.stringify({ tenant: name }));
  await page.getByRole("button", { name: "Log in" }).click();
  await expect("anybody else can be logged in as", page, "#who", /^<img src=x id=evil>$/);
  await expect("and is refused if the claims are unsafe", page, "#policy-fault", /unsafe_claim_value|client_id_not_allowed/);
  check("what is markup in a claim is text on the page", (await page.locator("#evil").count()) === 0);
  // The browser itself notes the status of the first answer.
  seen.complaints = seen.complaints.filter((complaint) => !complaint.includes("400 (Bad Request)"));
  quiet("markup", seen, door);
  await end();
}

async function timePasses(browser, door) {
  const { page, seen, end } = await visit(browser, door);
  await logIn(page, "olga");
  await page.click("#connect");
  await expect("the page says that time passes faster", page, "#refresh-left", /1800 times as fast/);
  await expect("the authorizer is asked again", page, "#log", /REFRESHED/);
  await expect("the connection ends at its time", page, "#connect-result", /disconnectAfterInSeconds is over\. MQTT reason 0x98/i);
  await expect("which the log explains", page, "#log", /disconnectAfterInSeconds is over/);
  quiet("as time passes", seen, door);
  await end();
}

const vendored = readFileSync(join(ROOT, "local/page/vendor/mqtt.esm.js"));
const installed = readFileSync(new URL("node_modules/mqtt/dist/mqtt.esm.js", import.meta.url));
check("the mqtt.js that is served is the one that npm installs", vendored.equals(installed));
const executablePath = chromium();
if (!executablePath) {
  console.log("skipped: the page in Chromium (no Chromium here)");
  tally.skipped += 1;
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
const doors = [];
try {
  doors.push(await open());
  await wholeFlow(browser, doors[0]);
  await refusedLogin(browser, doors[0]);
  await markup(browser, doors[0]);
  doors.push(await open("--time-scale", "1800"));
  await timePasses(browser, doors[1]);
} catch (error) {
  check("the visit comes to its end", false, error.stack);
} finally {
  await browser.close();
  doors.forEach((door) => door.end());
}
finish();
