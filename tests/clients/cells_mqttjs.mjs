// mqtt.js in Node: the cells of the matrix. Reads them as JSON from standard input, prints one JSON line for each.
import mqtt from "mqtt";
import { readFileSync } from "node:fs";
import { json } from "node:stream/consumers";

const { door, cells } = await json(process.stdin);
const ADDRESSES = {
  ws: `ws://127.0.0.1:${door.port}/mqtt`,
  wss: `wss://localhost:${door.tls_port}/mqtt`,
  alpn: `mqtts://localhost:${door.tls_port}`,
  mqtts: `mqtts://localhost:${door.tls_port}`,
};

/** Resolves with nothing when all went as it should; rejects with what did not. */
function play(cell) {
  return new Promise((resolve, reject) => {
    const fail = (why) => reject(new Error(why));
    const client = mqtt.connect(ADDRESSES[cell.transport], {
      clientId: cell.id, username: "alice", password: cell.token, protocolVersion: cell.version, reconnectPeriod: 0,
      ca: readFileSync(door.authority), ALPNProtocols: cell.transport === "alpn" ? ["mqtt"] : undefined,
    });
    let returned = false;
    let reason;
    client.on("error", (error) => fail(error.message));
    client.on("disconnect", (packet) => { reason = packet.reasonCode; });
    client.on("message", (topic, payload) => {
      if (topic !== cell.own || String(payload) !== cell.id) return fail(`${topic} ${payload} came back`);
      returned = true;
      client.publish(cell.foreign, "x", { qos: 1 }, (error) => { if (!error) fail(`${cell.foreign} was acknowledged`); });
    });
    client.on("close", () => {
      if (!returned) return fail("closed before the message came back");
      if (cell.version === 5 && reason !== 0x87) return fail(`closed with reason ${reason}`);
      resolve();
    });
    client.on("connect", () => client.subscribe(cell.own, { qos: 1 }, (error, granted) => {
      if (error || granted[0].qos > 1) return fail(`${cell.own} was not granted`);
      client.publish(cell.own, cell.id, { qos: 1 });
    }));
  });
}

const late = (cell) => new Promise((_, reject) => setTimeout(() => reject(new Error("nothing for 30 seconds")), 30_000));
await Promise.all(cells.map(async (cell) => {
  const fault = await Promise.race([play(cell), late(cell)]).then(() => null, (error) => error.message);
  console.log(JSON.stringify({ id: cell.id, fault }));
}));
process.exit();
