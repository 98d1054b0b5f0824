// Many at once: 500 clients connect in the same moment through four processes of the function, and 2,000 connections are held.
// `node load.mjs [SECONDS]` says for how long. All clients are mqtt.js over `ws`, in this one process.
//
// Prints one line for each check, the figures, and a closing line; exits 1 if any failed.
import mqtt from "mqtt";
import { readFileSync, readdirSync } from "node:fs";
import { open, token } from "./door.mjs";

const AT_ONCE = 500;
const HELD = 2_000;
const SANDBOXES = 4;
// Below AWS IoT's least, which is for the broker to raise: the client sends its pings all the same.
const KEEP_ALIVE = 4;
const HOLD = Number(process.argv[2] ?? 3 * KEEP_ALIVE);
const tally = { passed: 0, failed: 0 };

function check(title, good, detail = "") {
  tally[good ? "passed" : "failed"] += 1;
  console.log(`${good ? "ok" : "FAILED"}: ${title}${good ? "" : `: ${detail}`}`);
}

const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));

/** One client: connected, how long that took in ms, the pings answered since, and why it is gone. */
function connect(address, clientId, password) {
  return new Promise((resolve) => {
    const began = performance.now();
    const client = mqtt.connect(address, {
      clientId, username: "alice", password, protocolVersion: 4, keepalive: KEEP_ALIVE, reconnectPeriod: 0, connectTimeout: 60_000,
    });
    const state = { client, took: undefined, pings: 0, gone: undefined };
    client.on("packetreceive", ({ cmd }) => { state.pings += cmd === "pingresp"; });
    client.on("error", (error) => { state.gone ??= error.message; });
    client.on("close", () => {
      state.gone ??= "closed by the door";
      resolve(state);
    });
    client.on("connect", () => {
      state.took = performance.now() - began;
      resolve(state);
    });
  });
}

/** Resident memory in MiB of the door and of the function's processes, where the system tells. */
function memory(group) {
  const sizes = { door: [], function: [] };
  for (const id of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const [, name, , , inGroup] = readFileSync(`/proc/${id}/stat`, "utf8").match(/\((.*)\) (\S) (\d+) (\d+)/) ?? [];
      if (Number(inGroup) !== group || name === "cargo") continue;
      const kib = Number(readFileSync(`/proc/${id}/status`, "utf8").match(/VmRSS:\s+(\d+)/)?.[1]);
      sizes[name === "iot-local" ? "door" : "function"].push(Math.round(kib / 102.4) / 10);
    } catch {
      // Ended meanwhile.
    }
  }
  return sizes;
}

function tell(when, group) {
  if (process.platform !== "linux") return;
  const sizes = memory(group);
  console.log(`resident memory ${when}: door ${sizes.door.join(", ")} MiB; function ${sizes.function.join(", ")} MiB`);
}

function part(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))].toFixed(0);
}

async function crowd(address, jwt) {
  const began = performance.now();
  const clients = await Promise.all(Array.from({ length: AT_ONCE }, (_, at) => connect(address, `alice/${at}`, jwt)));
  const all = ((performance.now() - began) / 1000).toFixed(1);
  const refused = clients.filter(({ took }) => took === undefined);
  check(`${AT_ONCE} connects at once through ${SANDBOXES} processes are all answered`, !refused.length, `${refused.length}: ${refused[0]?.gone}`);
  const times = clients.map(({ took }) => took ?? Infinity).sort((a, b) => a - b);
  console.log(`from start to CONNACK: median ${part(times, 0.5)} ms, p99 ${part(times, 0.99)} ms, all within ${all} s`);
  return clients;
}

async function hold(address, jwt, clients) {
  while (clients.length < HELD) {
    const more = Math.min(100, HELD - clients.length);
    clients.push(...await Promise.all(Array.from({ length: more }, (_, at) => connect(address, `alice/${clients.length + at}`, jwt))));
  }
  for (const client of clients) client.pings = 0;
  await pause(HOLD);
  const gone = clients.filter(({ gone }) => gone);
  check(`${HELD} connections are held for ${HOLD} s`, !gone.length, `${gone.length}: ${gone[0]?.gone}`);
  const fewest = Math.min(...clients.map(({ pings }) => pings));
  check("each has had answers to two pings or more", fewest >= 2, `${fewest}`);
}

const door = await open("--sandboxes", String(SANDBOXES));
try {
  const address = `ws://127.0.0.1:${door.port}/mqtt`;
  const jwt = token("alice", "tenant=acme");
  tell("at start", door.group);
  const clients = await crowd(address, jwt);
  tell(`with ${AT_ONCE} connections`, door.group);
  await hold(address, jwt, clients);
  tell(`with ${HELD} connections`, door.group);
} finally {
  door.end();
}
console.log(`${tally.passed} passed, ${tally.failed} failed, 0 skipped`);
process.exit(tally.failed ? 1 : 0);
