// From the first click to a closed connection, and accelerated time.
import { button, checkBrowser, connected, expect, screenshot, signIn, tabTo, text, visit } from "./browser.mjs";
import { check } from "../../lib/checks.mjs";

const NAME = "iot-jwt-authorizer · local gateway";
const stepStates = (page) => page.evaluate(() => [1, 2, 3, 4].map((step) => document.querySelector(`#step-${step}`).dataset.state).join());

/** Sign-in without a mouse and without a second screen. */
async function byKeyboard(page) {
  check("title and heading have one name", (await page.title()) === NAME && (await text(page, "h1")) === NAME);
  check("only step 1 is active at first", (await stepStates(page)) === "active,waiting,waiting,waiting", await stepStates(page));
  check("a waiting step says for what", /^Waits for step 1: /.test(await text(page, "#step-3 > .waiting")));
  check("one action is primary", (await page.locator("button.primary:visible").count()) === 1);
  check("Tab leads to it", await tabTo(page, "#users button.primary"));
  check("it signs in as the first user", /^Sign in as alice/.test(await page.evaluate(() => document.activeElement.innerText)));
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  check("the focus can be seen", outline !== "none", outline);
  await page.keyboard.press("Enter");
  await expect("one key press signs in and connects", page, "#state", /^connected$/);
  check("the address stays the page's", new URL(page.url()).pathname === "/" && new URL(page.url()).search === "", page.url());
  check("header of the token", /"alg": "RS256"/.test(await text(page, "#token-header")));
  check("payload of the token", /"tenant": "acme"/.test(await text(page, "#token-payload")));
  await page.waitForFunction(() => document.querySelector("#step-3").dataset.state === "done");
  check("done steps are marked", (await stepStates(page)) === "done,done,done,active", await stepStates(page));
  check("Tab leads to the subscription", await tabTo(page, "#subscribe-form .row button"));
}

async function policy(page) {
  const rows = await page.locator("#statements tr").allInnerTexts();
  const publish = rows.find((row) => row.includes("topic/acme/users/alice/*")) ?? "";
  check("the policy is a table of statements", rows.length >= 3 && publish !== "", rows.join("\n"));
  check("a statement has its lines in the policy files", publish.includes("policies/app-user.json:5") && publish.includes("policies/app-user.json:7"), publish);
  check("the client-id rule is next to the field", /^Allowed for this token: alice, alice\/\*\./.test(await text(page, "#client-rule")), await text(page, "#client-rule"));
}

async function actions(page) {
  await button(page, "Subscribe").click();
  await expect("an allowed subscribe names its statement", page, "#subscribe-result", /^ALLOWED\s*document 1, statement \d/);
  await page.fill("#payload", "hello from Chromium");
  await button(page, "Publish").click();
  await expect("an allowed publish names its statement", page, "#publish-result", /^ALLOWED\s*document 1, statement \d/);
  await expect("its message arrives with its QoS", page, "#messages", /acme\/users\/alice\/hello QoS 1[^]*hello from Chromium/);
  await page.selectOption("#qos", "0");
  await page.fill("#payload", "with QoS 0");
  await button(page, "Publish").click();
  await expect("QoS 0 is sent too", page, "#messages", /^[^\n]*acme\/users\/alice\/hello\s*with QoS 0/);
  await button(page, "Copy messages").click();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  check("messages are copied, oldest first", /hello from Chromium\n.*with QoS 0$/.test(copied), copied);
  await button(page, "Clear messages").click();
  check("and cleared", (await page.locator("#messages").innerText()) === "" && await page.locator("#no-messages").isVisible());
  await expect("the delivery is in the log", page, "#log", /iot:Receive topic\/acme\/users\/alice\/hello/);
  await expect("refresh and disconnect count down", page, "#clocks", /Refresh in\s+59:\d\d[^]*Disconnect in\s+3:59:\d\d/);
  const matches = await page.locator("#statements td.number").allInnerTexts();
  check("statements count what matches them", matches.some((number) => Number(number) > 0), matches.join());
}

/** MQTT 3.1.1, and a will that AWS IoT's rules allow or deny. */
async function versionAndWill(page) {
  await button(page, "Disconnect").click();
  await expect("the client disconnects", page, "#state", /^not connected$/);
  await page.locator("#connect-options summary").click();
  await page.selectOption("#version", "4");
  await page.fill("#will-topic", "acme/users/somebody-else/will");
  await button(page, "Connect").click();
  await expect("a will that the policy denies denies the connect", page, "#connect-result", /^DENIED\s*Will: iot:Publish on topic\/acme\/users\/somebody-else\/will/);
  await page.fill("#will-topic", "acme/users/alice/will");
  await button(page, "Connect").click();
  await expect("MQTT 3.1.1 connects with an allowed will", page, "#state", /^connected$/);
  await button(page, "Drop the connection, so that the will is sent").click();
  await expect("a dropped connection ends", page, "#state", /^not connected$/);
  await page.fill("#will-topic", "");
  await page.selectOption("#version", "5");
  await button(page, "Connect").click();
  await connected(page);
  check("the note names the transport", /WebSocket only.*ws:\/\/127\.0\.0\.1/.test(await text(page, "#transport-note")));
  await page.locator("#connect-options summary").click();
}

/** AWS IoT may close the connection for this. */
async function deniedSubscribe(page) {
  await page.locator("#filter-examples button", { hasText: "DENIED" }).click();
  await button(page, "Subscribe").click();
  await expect("a denied subscribe shows the reason", page, "#subscribe-result", /^DENIED\s*no statement allows iot:Subscribe/);
  await expect("and closes the connection", page, "#state", /^not connected$/);
  await button(page, "Connect").click();
  await connected(page);
}

async function deniedPublish(page) {
  await page.locator("#topic-examples button", { hasText: "DENIED" }).click();
  check("an example fills the field", (await page.inputValue("#topic")) === "acme/users/somebody-else/hello");
  await page.keyboard.press("Enter");
  await expect("a denied publish shows the reason", page, "#publish-result", /^DENIED\s*no statement allows iot:Publish topic\/acme\/users\/somebody-else\/hello; it is allowed on/);
  await expect("and closes the connection", page, "#state", /^not connected$/);
  await expect("with the MQTT 5 reason code", page, "#connect-result", /A publish or a subscription was denied\. MQTT reason code 0x87/);
  await expect("and the log has the reason", page, "#log", /CLOSED[^]*a publish or a subscription was denied/);
  await button(page, "Publish").click();
  await expect("without a connection, publish says so", page, "#publish-result", /^NOT CONNECTED/);
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
  for (const [width, height] of [[1440, 900], [768, 1024], [390, 844], [320, 640]]) {
    await page.setViewportSize({ width, height });
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    check(`nothing overflows at ${width} pixels`, overflow <= 0, `${overflow} pixels`);
  }
}

/** The picture of the README: all steps, with the log next to them. */
async function screenshotSteps(page, name) {
  await page.locator("#token summary").click();
  await page.setViewportSize({ width: 1280, height: 900 });
  for (const [field, action] of [["filter", "Subscribe"], ["topic", "Publish"]]) {
    await page.locator(`#${field}-examples button`, { hasText: "ALLOWED" }).click();
    await button(page, action).click();
    await expect(`${action} works again`, page, `#${action.toLowerCase()}-result`, /^ALLOWED/);
  }
  const height = await page.evaluate(() => Math.ceil(document.querySelector("#step-4").getBoundingClientRect().bottom + scrollY) + 18);
  await page.setViewportSize({ width: 1280, height });
  await screenshot(page, name);
}

export async function wholeFlow(browser, gateway) {
  const { page, recorded, end } = await visit(browser, gateway, { viewport: { width: 1440, height: 900 } });
  await screenshot(page, "first");
  await byKeyboard(page);
  await policy(page);
  await actions(page);
  await versionAndWill(page);
  await deniedSubscribe(page);
  await deniedPublish(page);
  await button(page, "Connect").click();
  await expect("the connection opens again", page, "#state", /^connected$/);
  await screenshotSteps(page, "page");
  await checkSecrets(page);
  await checkLayout(page);
  checkBrowser("the whole flow", recorded, gateway);
  await end();
}

export async function acceleratedTime(browser, gateway) {
  const { page, recorded, end } = await visit(browser, gateway);
  await signIn(page, "olga");
  await expect("the page shows that time is accelerated", page, "#refresh-left", /1800 times as fast/);
  await expect("the authorizer is called again", page, "#log", /REFRESHED/);
  await expect("the connection closes when its time is over", page, "#connect-result", /disconnectAfterInSeconds has elapsed\. MQTT reason code 0x98/i);
  await expect("and the log has the reason", page, "#log", /disconnectAfterInSeconds has elapsed/);
  checkBrowser("accelerated time", recorded, gateway);
  await end();
}
