// axe-core without findings in each state of the page, on desktop and phone, light and dark; motion and contrast.
import { readFileSync } from "node:fs";
import { button, connected, expect, screenshot, signIn, visit } from "./browser.mjs";
import { check } from "../../lib/checks.mjs";

const AXE = readFileSync(new URL("../node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const WINDOWS = { desktop: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };

/** All rules in light. In dark, only those about colours can differ. */
export async function audit(page, title) {
  const options = title.includes("dark") ? { runOnly: ["cat.color"] } : {};
  const { violations, passes } = await page.evaluate((chosen) => globalThis.axe.run(document, { resultTypes: ["violations", "passes"], ...chosen }), options);
  const found = violations.map(({ id, impact, nodes }) => `${id} (${impact}): ${nodes.map(({ target }) => target.join(" ")).join(", ")}`);
  check(`${title}: axe-core finds nothing in ${passes.length} rules`, found.length === 0 && passes.length >= (options.runOnly ? 1 : 20), found.join("\n"));
}

/** The policy of the page allows no foreign script, so axe is injected by the browser's debugger. */
export const injectAxe = (page) => page.evaluate(AXE);

const unfold = (page, isOpen) => page.evaluate((open) => document.querySelectorAll("details").forEach((details) => { details.open = open; }), isOpen);

export async function accessibility(browser, gateway) {
  for (const [size, viewport] of Object.entries(WINDOWS)) {
    for (const colorScheme of ["light", "dark"]) {
      const { page, end } = await visit(browser, gateway, { viewport, colorScheme, reducedMotion: "reduce" });
      await injectAxe(page);
      const title = `${size}, ${colorScheme}`;
      await page.waitForSelector("#users button.primary");
      await unfold(page, true);
      await audit(page, `${title}, all ways to sign in`);
      await unfold(page, false);
      await signIn(page, "alice");
      await connected(page);
      check(`${title}: the token is ${size === "phone" ? "folded" : "open"}`, (await page.locator("#token-payload").isVisible()) === (size === "desktop"));
      await button(page, "Subscribe").click();
      await expect(`${title}: subscribed`, page, "#subscribe-result", /^ALLOWED/);
      await button(page, "Publish").click();
      await expect(`${title}: published`, page, "#messages", /hello/);
      await screenshot(page, `${size}-${colorScheme}`, size === "phone");
      await page.locator("#topic-examples button", { hasText: "DENIED" }).click();
      await button(page, "Publish").click();
      await expect(`${title}: denied`, page, "#state", /^not connected$/);
      await unfold(page, true);
      await audit(page, `${title}, after a denial, everything unfolded`);
      const motion = await page.evaluate(() => [...document.querySelectorAll("*")].filter((element) => {
        const { transitionDuration, animationName } = getComputedStyle(element);
        return transitionDuration !== "0s" || animationName !== "none";
      }).length);
      check(`${title}: nothing moves with reduced motion`, motion === 0, `${motion} elements`);
      await end();
    }
  }
}
