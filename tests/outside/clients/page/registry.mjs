// The registry on the page: it follows what the API changes, and who is connected by what right.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import mqtt from "mqtt";
import { audit, injectAxe } from "./accessibility.mjs";
import { checkBrowser, expect, screenshot, text, visit } from "./browser.mjs";
import { check } from "../../lib/checks.mjs";
import { token } from "../../lib/gateway.mjs";

const SIGNED = { authorization: `AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20260101/us-east-1/iot/aws4_request, SignedHeaders=host, Signature=${"0".repeat(64)}` };
const REGISTERED = ["clients", "things", "certificates", "policies", "ca_certificates", "templates", "rules"];

/** Calls AWS's API on the gateway as a tool with dummy keys does. */
async function call(gateway, method, path, body, headers = {}) {
  const response = await fetch(`${gateway.address}${path}`, { method, headers: { ...SIGNED, ...headers }, body: body && JSON.stringify(body) });
  const answer = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${answer}`);
  return answer ? JSON.parse(answer) : {};
}

const POLICY = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "iot:Connect", Resource: "*" }] };

/** A self-signed certificate, made by openssl. */
function certificate() {
  const folder = mkdtempSync(join(tmpdir(), "registry-"));
  const file = join(folder, "device.pem");
  execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=lamp-7", "-days", "2", "-keyout", join(folder, "key.pem"), "-out", file], { stdio: "ignore" });
  const pem = readFileSync(file, "utf8");
  rmSync(folder, { recursive: true });
  return pem;
}

async function registerLamp(gateway) {
  await call(gateway, "POST", "policies/lamps", { policyDocument: JSON.stringify(POLICY) });
  await call(gateway, "POST", "things/lamp-7", { attributePayload: { attributes: { room: "kitchen" } } });
  const { certificateId, certificateArn } = await call(gateway, "POST", "certificate/register-no-ca", { certificatePem: certificate(), status: "ACTIVE" });
  await call(gateway, "PUT", "target-policies/lamps", { target: certificateArn });
  await call(gateway, "PUT", "things/lamp-7/principals", undefined, { "x-amzn-principal": certificateArn });
  return { certificateId, certificateArn };
}

async function removeLamp(gateway, { certificateId, certificateArn }) {
  await call(gateway, "DELETE", "things/lamp-7/principals", undefined, { "x-amzn-principal": certificateArn });
  await call(gateway, "POST", "target-policies/lamps", { target: certificateArn });
  await call(gateway, "PUT", `certificates/${certificateId}?newStatus=INACTIVE`);
  await call(gateway, "DELETE", `certificates/${certificateId}`);
  await call(gateway, "DELETE", "things/lamp-7");
  await call(gateway, "DELETE", "policies/lamps");
}

const section = (kind) => `#tables section:has(#table-${kind})`;

export async function registry(browser, gateway) {
  const { page, recorded, end } = await visit(browser, gateway, { path: "registry" });
  await page.waitForSelector("#table-clients");
  check("each kind has a table", (await page.locator("#tables h2").count()) === REGISTERED.length);
  await expect("an empty one says so", page, section("clients"), /No client is connected\./);
  const lamp = await registerLamp(gateway);
  await expect("a thing appears when it is registered, with its certificate", page, section("things"), new RegExp(`lamp-7[^]*room=kitchen[^]*cert/${lamp.certificateId.slice(0, 10)}…`));
  await expect("its certificate has status, thing and policy", page, section("certificates"), new RegExp(`${lamp.certificateId}[^]*ACTIVE[^]*lamp-7[^]*lamps`));
  await expect("the policy names what it is attached to", page, section("policies"), new RegExp(`lamps[^]*cert/${lamp.certificateId.slice(0, 10)}…`));
  const client = mqtt.connect(`ws://127.0.0.1:${gateway.port}/mqtt`, {
    clientId: "rita", username: "rita", password: token("rita", "tenant=acme"), protocolVersion: 5, reconnectPeriod: 0,
  });
  await new Promise((resolve) => { client.on("connect", resolve); });
  await expect("a client appears with its principal, and by what right it is connected", page, section("clients"), /rita[^]*token, by the authorizer[^]*document 1, statement \d: Allow iot:Connect client\/rita/);
  await call(gateway, "PUT", `certificates/${lamp.certificateId}?newStatus=INACTIVE`);
  await expect("a changed status is shown", page, section("certificates"), /INACTIVE/);
  const body = await (await fetch(`${gateway.address}api/registry`)).text();
  check("no certificate's text, policy's document, token or key is in the answer", !/BEGIN|Statement"|eyJ|AKIA/.test(body), body);
  await layout(browser, gateway);
  client.end(true);
  await expect("and goes when it disconnects", page, section("clients"), /No client is connected\./);
  await removeLamp(gateway, lamp);
  await page.waitForFunction((selector) => !/lamp-7/.test(document.querySelector(selector)?.innerText ?? ""), section("things"));
  check("what is deleted goes", !/lamp-7|lamps/.test(await text(page, "#tables")), await text(page, "#tables"));
  checkBrowser("the registry", recorded, gateway);
  await end();
}

async function layout(browser, gateway) {
  for (const [size, viewport] of Object.entries({ desktop: { width: 1280, height: 900 }, phone: { width: 360, height: 740 } })) {
    for (const colorScheme of ["light", "dark"]) {
      const title = `registry, ${size}, ${colorScheme}`;
      const { page, end } = await visit(browser, gateway, { path: "registry", viewport, colorScheme, reducedMotion: "reduce" });
      await injectAxe(page);
      await page.waitForSelector("#table-things");
      await audit(page, title);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      check(`${title}: nothing overflows`, overflow <= 0, `${overflow} pixels`);
      await screenshot(page, `registry-${size}-${colorScheme}`, true);
      await end();
    }
  }
}
