// "Use your own client": each command, copied from the page, connects to the gateway and receives its own message.
import { spawn } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { checkBrowser, connected, expect, signIn, text, visit } from "./browser.mjs";
import { check, skip } from "../../lib/checks.mjs";
import { ROOT } from "../../lib/gateway.mjs";

const HERE = fileURLToPath(new URL("..", import.meta.url));
const VENV = join(ROOT, "target/test-venv/bin/python");
const PYTHON = existsSync(VENV) ? VENV : "python3";
const RECEIVED = /acme\/users\/alice\/hello hello/;

/** How the code of each tab is run: a file for a program, or a shell. `probe` finds out whether the tool is there. */
const RUNS = {
  "mqtt.js": { file: "own-client.mjs", program: "node", printed: RECEIVED },
  paho: { file: "own-client.py", program: PYTHON, printed: RECEIVED, probe: [PYTHON, "-c", "import paho"] },
  "AWS SDK": { file: "own-client.mjs", program: "node", printed: RECEIVED },
  mosquitto: { printed: /^$/, probe: ["mosquitto_pub", "--help"], logged: /iot:Publish topic\/acme\/users\/alice\/hello/ },
  curl: { printed: /"message":"OK"/, probe: ["curl", "--version"] },
};

function run(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: HERE, timeout: 30_000 });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => { output += chunk; });
    child.on("error", () => resolve({ code: null, output: "not found" }));
    child.on("close", (code) => resolve({ code, output: output.trim() }));
  });
}

async function runCode(code, { file, program }) {
  if (!file) return run("bash", ["-c", code]);
  // Next to node_modules, so that imports are found.
  const path = join(HERE, file);
  writeFileSync(path, code);
  try {
    return await run(program, [path]);
  } finally {
    rmSync(path);
  }
}

export async function ownClient(browser, gateway) {
  const { page, recorded, end } = await visit(browser, gateway);
  check("without a token the section says what it needs", /^Sign in to get commands/.test(await text(page, "#own-waiting")) && await page.locator("#own").isHidden());
  await signIn(page, "alice");
  await connected(page);
  const tabs = page.getByRole("tab");
  check("there is a tab for each client", (await tabs.allInnerTexts()).join() === Object.keys(RUNS).join(), (await tabs.allInnerTexts()).join());
  await tabs.first().focus();
  for (const [name, how] of Object.entries(RUNS)) {
    check(`${name}: its tab is selected by arrow key`, (await page.locator("[role=tab][aria-selected=true]").innerText()) === name);
    const shown = await text(page, "#snippet");
    await page.locator("#copy-snippet").click();
    const code = await page.evaluate(() => navigator.clipboard.readText());
    check(`${name}: the token is copied but not shown`, shown.includes("eyJ…") && /eyJ[\w-]+\.[\w-]+\.[\w-]+/.test(code) && !/eyJ[\w-]+\./.test(shown));
    if (how.probe && (await run(how.probe[0], how.probe.slice(1))).code === null) {
      skip(`${name} as the page shows it`, `${how.probe[0]} is missing`);
    } else if (how.probe?.[2] && (await run(how.probe[0], how.probe.slice(1))).code !== 0) {
      skip(`${name} as the page shows it`, "its package is missing");
    } else {
      const { code: status, output } = await runCode(code, how);
      check(`${name}: the copied code works`, status === 0 && how.printed.test(output), `exit ${status}: ${output}`);
    }
    await page.locator("[role=tab][aria-selected=true]").focus();
    await page.keyboard.press("ArrowRight");
  }
  await page.locator("#mine").uncheck();
  await expect("the log shows other clients when asked", page, "#log", /\balice\b(?!\/)[^]*iot:Publish topic\/acme\/users\/alice\/hello/);
  check("this page's client stays connected", (await text(page, "#state")) === "connected");
  checkBrowser("own clients", recorded, gateway);
  await end();
}
