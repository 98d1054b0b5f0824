// The page of the local gateway in Chromium, used as a person uses it: by keyboard where that matters. Every request of
// the browser is checked. `node page.mjs [FOLDER]` saves screenshots in FOLDER.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { findChromium, launch } from "./page/browser.mjs";
import { check, finish, skip } from "../lib/checks.mjs";
import { ROOT, start } from "../lib/gateway.mjs";
import { startIssuer } from "../lib/issuer.mjs";
import { accessibility } from "./page/accessibility.mjs";
import { acceleratedTime, wholeFlow } from "./page/flow.mjs";
import { cognitoIdentity, deniedIdentity, signer } from "./page/identity.mjs";
import { issuerSignIn, keptKeys, rejectedSignIns } from "./page/issuer.mjs";
import { changedConfiguration, eventLog } from "./page/log.mjs";
import { ownClient } from "./page/own_client.mjs";
import { oneRun, patterns, patternsLayout } from "./page/patterns.mjs";
import { registry } from "./page/registry.mjs";
import { brokenTokens, deniedSignIn, markup, pastedToken, reload, secondUser } from "./page/sessions.mjs";

const vendored = readFileSync(join(ROOT, "local/gateway/page/vendor/mqtt.esm.js"));
const installed = readFileSync(new URL("node_modules/mqtt/dist/mqtt.esm.js", import.meta.url));
check("the served mqtt.js is the one that npm installs", vendored.equals(installed));
await signer();
const executablePath = findChromium();
if (!executablePath) {
  skip("the page in Chromium", "Chromium is missing");
  finish();
}
const browser = await launch(executablePath);
const issuer = await startIssuer();
// Each scenario has a browser context of its own. ONLY names one to run.
const scenarios = { accessibility, wholeFlow, deniedSignIn, brokenTokens, pastedToken, reload, secondUser, ownClient, eventLog, markup, cognitoIdentity, deniedIdentity, patterns, oneRun, patternsLayout, registry };
const withOwnKeys = { keptKeys, issuerSignIn, rejectedSignIns };
const chosen = (all) => Object.entries(all).filter(([name]) => [undefined, name].includes(process.env.ONLY));

async function play(all, ...options) {
  if (chosen(all).length === 0) return;
  const running = await start(...options);
  for (const [name, scenario] of chosen(all)) {
    try {
      await scenario(browser, running, issuer);
    } catch (error) {
      check(`${name} runs to its end`, false, error.stack);
    }
  }
  // The next gateway has the same registry.
  await running.end();
}

try {
  await play(scenarios);
  await play({ acceleratedTime }, "--time-scale", "1800");
  await play({ changedConfiguration }, "--config", issuer.config);
  await play(withOwnKeys, "--keep-keys", "--config", issuer.config);
} finally {
  await browser.close();
  issuer.end();
}
finish();
