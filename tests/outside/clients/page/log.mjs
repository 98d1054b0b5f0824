// The event log: one group for each connection, this page's clients only, nothing from the start of the gateway.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import mqtt from "mqtt";
import { button, checkBrowser, connected, expect, signIn, text, visit } from "./browser.mjs";
import { check } from "../../lib/checks.mjs";
import { token } from "../../lib/gateway.mjs";

const groups = (page, selector = ".group:visible") => page.locator(`#log > ${selector}`);

export async function eventLog(browser, gateway) {
  const { page, recorded, end } = await visit(browser, gateway);
  check("nothing is logged before anyone has done anything", (await groups(page).count()) === 0);
  await page.locator("#mine").uncheck();
  await button(page, "Clear log").click();
  await page.locator("#mine").check();
  await signIn(page, "gina");
  await connected(page);
  await expect("the connection is one group", page, "#log > .group:first-child", /^[\d:]+\s*CONNECTED\s*gina\/page[^]*AUTHORIZER\s*allow · app-user/);
  check("the preview is a group of its own, and named", (await groups(page).count()) === 2 && /policy preview/.test(await groups(page).last().innerText()), await text(page, "#log"));
  check("raw parts are folded", (await page.locator("#log details[open]").count()) === 0 && (await page.locator("#log pre:visible").count()) === 0);
  for (let number = 0; number < 8; number += 1) await button(page, "Publish").click();
  await expect("earlier entries of a group are folded", page, "#log > .group:first-child", /[2-9] earlier/);

  const other = mqtt.connect(`ws://127.0.0.1:${gateway.port}/mqtt`, {
    clientId: "oscar", username: "oscar", password: token("oscar", "tenant=acme"), protocolVersion: 5, reconnectPeriod: 0,
  });
  await new Promise((resolve) => { other.on("connect", resolve); });
  await expect("other clients are hidden and counted", page, "#hidden-count", /^\(1 other hidden\)$/);
  check("and not shown", !/oscar/.test(await text(page, "#log")));
  await page.locator("#mine").uncheck();
  await expect("and shown without the filter", page, "#log", /CONNECTED\s*oscar/);
  other.end(true);
  await expect("a group shows how the connection ended", page, "#log > .group:first-child", /^[\d:]+\s*CLOSED\s*oscar/);
  checkBrowser("the event log", recorded, gateway);
  await end();
}

/** A changed policy is used without a restart; an invalid one is reported, and the earlier one stays in use. */
export async function changedConfiguration(browser, gateway, { config }) {
  const { page, recorded, end } = await visit(browser, gateway);
  const file = join(dirname(config), "policies/app-user.json");
  const valid = readFileSync(file, "utf8");
  await signIn(page, "alice");
  await connected(page);
  writeFileSync(file, valid.replaceAll("/users/", "/people/"));
  await expect("a changed configuration is announced, with what to do", page, "#notice", /Configuration changed\.[^]*connect again[^]*policies\/app-user\.json/);
  await expect("the policy on the page is the new one", page, "#statements", /topic\/acme\/people\/alice\/\*/);
  check("the page stays signed in and connected", (await text(page, "#state")) === "connected" && await page.locator("#signed-in").isVisible());
  await button(page, "Dismiss").click();
  writeFileSync(file, valid.replace("Allow", "Allowed"));
  await expect("an invalid one is announced, with its errors", page, "#notice", /has errors\.[^]*stays in use[^]*policies\/app-user\.json/);
  await expect("and is in the log, whatever the filter", page, "#log", /NOT RELOADED[^]*policies\/app-user\.json/);
  check("the policy on the page is still the earlier one", /people\/alice/.test(await text(page, "#statements")));
  writeFileSync(file, valid);
  await expect("a fixed one replaces the warning", page, "#notice", /^Configuration changed\./);
  checkBrowser("a changed configuration", recorded, gateway);
  await end();
}
