// Chromium with playwright-core, and checks of what a page shows.
import { accessSync, constants, mkdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { chromium } from "playwright-core";
import { check } from "../../lib/checks.mjs";

const TIMEOUT_MS = 15_000;
/** The folder for screenshots, if there is one. */
export const SCREENSHOTS = process.argv[2];

/** The path of an installed Chromium, or null. */
export function findChromium() {
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

export const launch = (executablePath) => chromium.launch({
  executablePath,
  args: [
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
  ],
});

/** A new page in a context of its own, with the browser's complaints and requests recorded. */
export async function visit(browser, gateway, { path = "", ...options } = {}) {
  const permissions = ["clipboard-read", "clipboard-write"];
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, permissions, ...options });
  context.setDefaultTimeout(TIMEOUT_MS);
  const recorded = { complaints: [], urls: [] };
  context.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) recorded.complaints.push(message.text());
  });
  context.on("weberror", (error) => recorded.complaints.push(error.error().message));
  context.on("request", (request) => recorded.urls.push(request.url()));
  const page = await context.newPage();
  page.on("websocket", (socket) => recorded.urls.push(socket.url()));
  await page.goto(`${gateway.address}${path}`);
  return { page, recorded, end: () => context.close() };
}

export function checkBrowser(title, { complaints, urls }, gateway, others = []) {
  check(`${title}: the browser reports no warnings or errors`, complaints.length === 0, complaints.join("\n"));
  const allowed = [`127.0.0.1:${gateway.port}`, ...others];
  const foreign = urls.filter((url) => !allowed.includes(new URL(url).host));
  check(`${title}: no request leaves this machine (${urls.length} requests)`, urls.length > 8 && foreign.length === 0, foreign.join("\n"));
}

/** Presses Tab until the element has the focus. */
export async function tabTo(page, selector) {
  for (let presses = 0; presses < 60; presses += 1) {
    await page.keyboard.press("Tab");
    if (await page.evaluate((wanted) => document.activeElement.matches(wanted), selector)) return true;
  }
  return false;
}

export const text = (page, selector) => page.locator(selector).innerText();

/** Waits until the element's text matches, and checks it. */
export async function expect(title, page, selector, wanted) {
  try {
    await page.waitForFunction(
      ([selector, source]) => new RegExp(source).test(document.querySelector(selector)?.innerText ?? ""),
      [selector, wanted.source],
    );
  } catch {
    // Late: the text is checked as it is.
  }
  const found = await page.locator(selector).first().innerText().catch(() => "no such element");
  check(title, wanted.test(found), found);
}

export const button = (page, name) => page.getByRole("button", { name, exact: true });

/** Signs in as an example user, and waits for the connection. */
export async function signIn(page, name) {
  await page.locator(`[data-user="${name}"]`).click();
  await page.waitForSelector("#signed-in:not([hidden])");
}

export const connected = (page) => page.waitForFunction(() => document.querySelector("#state")?.innerText === "connected");

export async function screenshot(page, name, fullPage = false) {
  if (!SCREENSHOTS) return;
  mkdirSync(SCREENSHOTS, { recursive: true });
  // The row that has just decided is marked briefly.
  await page.waitForFunction(() => !document.querySelector("tr.hit"));
  await page.waitForTimeout(800);
  await page.evaluate(() => { document.activeElement.blur(); scrollTo(0, 0); });
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage });
}
