// Load: 500 clients connect at the same time through four authorizer processes, and 2,000 connections are held.
// `node load.mjs [SECONDS]` sets for how long. All clients are mqtt.js over `ws`, in this one process.
import mqtt from "mqtt";
import { readFileSync, readdirSync } from "node:fs";
import { check, finish } from "../lib/checks.mjs";
import { start, token } from "../lib/gateway.mjs";

const CONNECTS_AT_ONCE = 500;
const HELD_CONNECTIONS = 2_000;
const SANDBOXES = 4;
// Below AWS IoT's minimum, to which the broker raises it. The client sends its pings at this interval.
const KEEP_ALIVE_SECONDS = 4;
const HOLD_SECONDS = Number(process.argv[2] ?? 3 * KEEP_ALIVE_SECONDS);

const sleep = (seconds) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));

/** A client and its state: `took`, the milliseconds to CONNACK; `pings`, the number of PINGRESP; `closed`, the reason. */
function connect(address, clientId, password) {
  return new Promise((resolve) => {
    const started = performance.now();
    const client = mqtt.connect(address, {
      clientId, username: "alice", password, protocolVersion: 4, keepalive: KEEP_ALIVE_SECONDS, reconnectPeriod: 0, connectTimeout: 60_000,
    });
    const state = { client, took: undefined, pings: 0, closed: undefined };
    client.on("packetreceive", ({ cmd }) => { state.pings += cmd === "pingresp"; });
    client.on("error", (error) => { state.closed ??= error.message; });
    client.on("close", () => {
      state.closed ??= "closed by the gateway";
      resolve(state);
    });
    client.on("connect", () => {
      state.took = performance.now() - started;
      resolve(state);
    });
  });
}

/** Resident memory in MiB of the gateway and of the authorizer processes, from /proc. */
function memory(group) {
  const sizes = { gateway: [], authorizer: [] };
  for (const id of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const [, name, , , processGroup] = readFileSync(`/proc/${id}/stat`, "utf8").match(/\((.*)\) (\S) (\d+) (\d+)/) ?? [];
      if (Number(processGroup) !== group || name === "cargo") continue;
      const kib = Number(readFileSync(`/proc/${id}/status`, "utf8").match(/VmRSS:\s+(\d+)/)?.[1]);
      sizes[name === "iot-local" ? "gateway" : "authorizer"].push(Math.round(kib / 102.4) / 10);
    } catch {
      // The process has ended.
    }
  }
  return sizes;
}

function printMemory(when, group) {
  if (process.platform !== "linux") return;
  const sizes = memory(group);
  console.log(`resident memory ${when}: gateway ${sizes.gateway.join(", ")} MiB; authorizer ${sizes.authorizer.join(", ")} MiB`);
}

function percentile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))].toFixed(0);
}

async function connectAtOnce(address, jwt) {
  const started = performance.now();
  const clients = await Promise.all(Array.from({ length: CONNECTS_AT_ONCE }, (_, index) => connect(address, `alice/${index}`, jwt)));
  const all = ((performance.now() - started) / 1000).toFixed(1);
  const lost = clients.filter(({ took }) => took === undefined);
  check(`${CONNECTS_AT_ONCE} connects at once through ${SANDBOXES} processes all succeed`, !lost.length, `${lost.length}: ${lost[0]?.closed}`);
  const times = clients.map(({ took }) => took ?? Infinity).sort((a, b) => a - b);
  console.log(`from start to CONNACK: median ${percentile(times, 0.5)} ms, p99 ${percentile(times, 0.99)} ms, all within ${all} s`);
  return clients;
}

async function hold(address, jwt, clients) {
  while (clients.length < HELD_CONNECTIONS) {
    const batch = Math.min(100, HELD_CONNECTIONS - clients.length);
    clients.push(...await Promise.all(Array.from({ length: batch }, (_, index) => connect(address, `alice/${clients.length + index}`, jwt))));
  }
  for (const client of clients) client.pings = 0;
  await sleep(HOLD_SECONDS);
  const lost = clients.filter(({ closed }) => closed);
  check(`${HELD_CONNECTIONS} connections are held for ${HOLD_SECONDS} s`, !lost.length, `${lost.length}: ${lost[0]?.closed}`);
  const fewest = Math.min(...clients.map(({ pings }) => pings));
  check("each has received two PINGRESP or more", fewest >= 2, `${fewest}`);
}

const gateway = await start("--sandboxes", String(SANDBOXES));
try {
  const address = `ws://127.0.0.1:${gateway.port}/mqtt`;
  const jwt = token("alice", "tenant=acme");
  printMemory("at start", gateway.group);
  const clients = await connectAtOnce(address, jwt);
  printMemory(`with ${CONNECTS_AT_ONCE} connections`, gateway.group);
  await hold(address, jwt, clients);
  printMemory(`with ${HELD_CONNECTIONS} connections`, gateway.group);
} finally {
  gateway.end();
}
finish();
