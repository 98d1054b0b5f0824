// The cards of the patterns: a live run of each, by real clients; what a denial shows; one run at a time, which ends with
// its page.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { audit, injectAxe } from "./accessibility.mjs";
import { checkBrowser, expect, screenshot, tabTo, text, visit } from "./browser.mjs";
import { check } from "../../lib/checks.mjs";
import { ROOT } from "../../lib/gateway.mjs";

/** The first run may build the functions of provision/. */
const RUN_TIMEOUT_MS = 900_000;
const END_TIMEOUT_MS = 10_000;

/** What each run must show: steps in this order, by badge and text. */
const RUNS = {
  jwt: [/ALLOWED connect ana/, /ALLOWED publish acme\/users\/ana\/hello/, /DENIED subscribe #/, /DENIED connect forged/],
  cognito: [/DONE Log in ana/, /DONE GetId/, /DONE GetCredentialsForIdentity/, /DENIED connect/, /ALLOWED connect/],
  kitting: [/DONE CreateThing sensor-1/, /ALLOWED connect sensor-1/, /DENIED publish devices\/sensor-2\/temperature/, /DONE UpdateCertificate sensor-2/, /DENIED connect sensor-2 \(INACTIVE\)/],
  jitr: [/DONE RegisterCACertificate/, /DENIED connect sensor-1 \(first connect\)/, /ALLOWED jitr sensor-1/, /ALLOWED reconnect sensor-1/, /DENIED jitr/],
  jitp: [/DONE RegisterCACertificate/, /DENIED connect sensor-1 \(first connect\)/, /ALLOWED reconnect sensor-1/, /DONE DescribeThing sensor-1/, /DENIED connect sensor-4 \(of another CA\)/],
  fleet: [/DONE CreateProvisioningTemplate fleet/, /ALLOWED connect/, /DENIED provision a token twice/, /DONE CreateProvisioningClaim/],
  regions: [/ALLOWED connect/, /ALLOWED reconnect/, /DENIED reconnect/, /OBSERVED retained/],
  bootstrap: [/DONE CreateTopicRule claim/, /ALLOWED/, /DENIED/],
};

/** The demo that waits for its health checks, and so is still under way after some clicks. */
const LONGEST = "regions";

const runButton = (page, demo) => page.locator(`#${demo} button.run`);
const statusOf = (demo) => `#${demo} .status`;
/** The steps of a card, each as one line: mark, badge, text. */
const steps = (page, demo) => page.locator(`#${demo} .steps > li`).evaluateAll((items) => items.map((item) => ({
  line: item.querySelector(".head").innerText.replace(/\s+/g, " ").trim(),
  isDenied: item.querySelector(".badge").innerText === "DENIED",
  reason: item.querySelector(".reason")?.innerText ?? "",
  hint: item.querySelector(".hint")?.innerText ?? "",
})));

async function ended(page, demo) {
  await page.waitForFunction((selector) => /^(DONE|WRONG|FAILED|STOPPED)/.test(document.querySelector(selector)?.innerText ?? ""), statusOf(demo), { timeout: RUN_TIMEOUT_MS });
  return text(page, statusOf(demo));
}

/** Whether the steps contain these in this order. */
function inOrder(lines, wanted) {
  let index = 0;
  for (const line of lines) if (wanted[index]?.test(line)) index += 1;
  return wanted[index];
}

async function liveRun(page, demo) {
  await runButton(page, demo).click();
  const status = await ended(page, demo);
  const [, expected, all] = status.match(/^DONE (\d+) of (\d+) steps/) ?? [];
  check(`${demo}: each step of the live run is as expected`, expected !== undefined && expected === all, status);
  const found = await steps(page, demo);
  check(`${demo}: all ${found.length} steps are shown`, found.length === Number(all) && found.every(({ line }) => line.startsWith("✓")), found.map(({ line }) => line).join("\n"));
  const missing = inOrder(found.map(({ line }) => line), RUNS[demo]);
  check(`${demo}: the steps of the pattern`, missing === undefined, `no ${missing} in\n${found.map(({ line }) => line).join("\n")}`);
  const denied = found.filter(({ isDenied }) => isDenied);
  const unexplained = denied.filter(({ reason, hint }) => !reason || !hint);
  check(`${demo}: each denial has its reason and the fix (${denied.length})`, denied.length > 0 && unexplained.length === 0, JSON.stringify(unexplained));
}

/** The demos that run with this checkout's configuration. */
function running() {
  const config = join(ROOT, "authorizer.toml");
  return execFileSync("ps", ["-eo", "args"], { encoding: "utf8" }).split("\n").filter((line) => line.includes("--json-lines") && line.includes(config));
}

async function noneRuns() {
  for (const deadline = Date.now() + END_TIMEOUT_MS; Date.now() < deadline && running().length;) await new Promise((resolve) => { setTimeout(resolve, 100); });
  return running();
}

/** Starts a run and waits for its first step, so that it is under way. */
async function begin(page, demo) {
  await runButton(page, demo).click();
  await page.waitForSelector(`#${demo} .steps > li`);
}

export async function patterns(browser, gateway) {
  const { page, recorded, end } = await visit(browser, gateway, { path: "patterns" });
  await page.waitForSelector(".card");
  check("the page is marked as the current one", (await text(page, "nav [aria-current]")) === "Patterns");
  const titles = await page.locator(".card h2").allInnerTexts();
  check("eight patterns have a card each", titles.length === 8 && new Set(titles).size === 8, titles.join());
  const cards = await page.locator(".card").allInnerTexts();
  check("each says what it is for, and for what not", cards.every((card) => /Use it for\n+\S[^]*Not for\n+\S/.test(card)), cards.join("\n\n"));
  const withRun = await page.locator(".card:has(button.run)").evaluateAll((all) => all.map((card) => [card.id, card.querySelector(".command code").innerText]));
  check("each demo has its command and a live run", withRun.length === 8 && Object.keys(RUNS).every((demo) => withRun.some(([id, command]) => id === demo && command === `cargo local demo ${demo}`)), withRun.join("; "));
  const links = await page.locator(".card a[href^='/docs/']").evaluateAll((all) => all.map((link) => link.href));
  const missing = [];
  for (const link of new Set(links)) if ((await page.request.get(link)).status() !== 200) missing.push(link);
  check(`each links to a page that the gateway has (${links.length})`, links.length === 8 && missing.length === 0, missing.join());
  check("Tab leads to a live run", await tabTo(page, "#kitting button.run"));
  await page.keyboard.press("Enter");
  check("and Enter starts it", /^DONE/.test(await ended(page, "kitting")), await text(page, statusOf("kitting")));
  check("the button then runs it again", (await runButton(page, "kitting").innerText()) === "Run again");
  for (const demo of Object.keys(RUNS)) await liveRun(page, demo);
  const all = await page.evaluate(() => document.body.innerText);
  check("no token, key or secret is on the page", !/eyJ[\w-]{8,}\.|PRIVATE KEY|SecretAccessKey|"?SecretKey/.test(all));
  checkBrowser("the patterns", recorded, gateway);
  await page.reload();
  await page.waitForSelector(".card");
  await picture(page);
  await end();
}

/** One run at a time; it ends with the button, and with the page. */
export async function oneRun(browser, gateway) {
  const { page, end } = await visit(browser, gateway, { path: "patterns" });
  const other = await visit(browser, gateway, { path: "patterns" });
  await begin(page, LONGEST);
  check("the run is a process of its own", running().length === 1, running().join());
  check("other cards wait", await runButton(page, "jwt").isDisabled());
  await runButton(other.page, "jwt").click();
  await expect("a second run in another tab is denied, with what to do", other.page, statusOf("jwt"), /^FAILED another demo runs, perhaps in another tab; wait until/);
  await runButton(page, LONGEST).click();
  await expect("Stop ends it", page, statusOf(LONGEST), /^STOPPED/);
  check("and its process", (await noneRuns()).length === 0, running().join());
  await begin(other.page, LONGEST);
  await other.end();
  check("a run ends with its page", (await noneRuns()).length === 0, running().join());
  await end();
}

/** The picture of the README: three cards, of which one has run, up to the end of its second section. */
async function picture(page) {
  await page.setViewportSize({ width: 1280, height: 900 });
  await runButton(page, "jitr").click();
  await ended(page, "jitr");
  await page.evaluate(() => {
    for (const card of document.querySelectorAll(".card")) card.hidden = !["jwt", "cognito", "jitr"].includes(card.id);
  });
  const height = await page.evaluate(() => Math.floor(document.querySelectorAll("#jitr h3")[2].getBoundingClientRect().top + scrollY));
  await page.setViewportSize({ width: 1280, height });
  await screenshot(page, "patterns");
}

/** axe-core, 360 pixels and both themes, before and after a run. */
export async function patternsLayout(browser, gateway) {
  for (const [size, viewport] of Object.entries({ desktop: { width: 1280, height: 900 }, phone: { width: 360, height: 740 } })) {
    for (const colorScheme of ["light", "dark"]) {
      const title = `patterns, ${size}, ${colorScheme}`;
      const { page, end } = await visit(browser, gateway, { path: "patterns", viewport, colorScheme, reducedMotion: "reduce" });
      await injectAxe(page);
      await page.waitForSelector(".card");
      await screenshot(page, `patterns-${size}-${colorScheme}`, true);
      await runButton(page, "kitting").click();
      await ended(page, "kitting");
      await audit(page, `${title}, after a run`);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      check(`${title}: nothing overflows`, overflow <= 0, `${overflow} pixels`);
      await screenshot(page, `patterns-run-${size}-${colorScheme}`, true);
      await end();
    }
  }
}
