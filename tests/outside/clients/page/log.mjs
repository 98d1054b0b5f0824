// The event log: one group for each connection, this page's clients only, nothing from the start of the gateway.
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
