// The cells of the matrix for mqtt.js in Node.
import mqtt from "mqtt";
import { readFileSync } from "node:fs";
import { NOT_AUTHORIZED, cells, gateway, report } from "./cells.mjs";

const ADDRESSES = {
  ws: `ws://127.0.0.1:${gateway.port}/mqtt`,
  wss: `wss://localhost:${gateway.tls_port}/mqtt`,
  alpn: `mqtts://localhost:${gateway.tls_port}`,
  mqtts: `mqtts://localhost:${gateway.tls_port}`,
  certificate: `mqtts://localhost:${gateway.mqtts_port}`,
  "certificate-alpn": `mqtts://localhost:${gateway.tls_port}`,
};
const ALPN = { alpn: ["mqtt"], "certificate-alpn": ["x-amzn-mqtt-ca"] };

/** The options of a client, with a token or with a certificate. */
function options(cell) {
  const login = cell.token ? { username: "alice", password: cell.token } : {};
  const identity = cell.certificate ? { cert: readFileSync(cell.certificate), key: readFileSync(cell.key) } : {};
  return {
    ...login, ...identity, clientId: cell.id, protocolVersion: cell.version, reconnectPeriod: 0,
    ca: readFileSync(gateway.authority), ALPNProtocols: ALPN[cell.transport],
  };
}

/** Resolves if the gateway closes the connection: without a CONNACK, or with the reason of MQTT 5. */
function denied(cell) {
  return new Promise((resolve, reject) => {
    const client = mqtt.connect(ADDRESSES[cell.transport], options(cell));
    client.on("connect", () => reject(new Error("connected")));
    client.on("error", (error) => {
      const isExpected = error.code === undefined || error.code === NOT_AUTHORIZED || /CERTIFICATE_REQUIRED|ECONNRESET/.test(error.code);
      if (!isExpected) reject(error);
    });
    client.on("close", resolve);
  });
}

/** Resolves if the cell passes, and rejects with the first difference. */
function play(cell) {
  return new Promise((resolve, reject) => {
    const fail = (why) => reject(new Error(why));
    const client = mqtt.connect(ADDRESSES[cell.transport], options(cell));
    let returned = false;
    let reason;
    client.on("error", (error) => fail(error.message));
    client.on("disconnect", (packet) => { reason = packet.reasonCode; });
    client.on("message", (topic, payload) => {
      if (topic !== cell.own || String(payload) !== cell.id) return fail(`received ${topic} ${payload}`);
      returned = true;
      client.publish(cell.other, "x", { qos: 1 }, (error) => { if (!error) fail(`${cell.other} was acknowledged`); });
    });
    client.on("close", () => {
      if (!returned) return fail("closed before the message came back");
      if (cell.version === 5 && reason !== NOT_AUTHORIZED) return fail(`closed with reason ${reason}`);
      resolve();
    });
    client.on("connect", () => client.subscribe(cell.own, { qos: 1 }, (error, granted) => {
      if (error || granted[0].qos > 1) return fail(`${cell.own} was not granted`);
      client.publish(cell.own, cell.id, { qos: 1 });
    }));
  });
}

await Promise.all(cells.map((cell) => report(cell, cell.id, cell.denied ? denied : play)));
process.exit();
