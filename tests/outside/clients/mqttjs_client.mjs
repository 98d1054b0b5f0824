// Connects with mqtt.js: publishes to an allowed topic, and is disconnected for publishing to a denied topic and for
// subscribing to a denied filter. Exits 0 if all of this holds.
//
// node mqttjs_client.mjs PORT TOKEN ALLOWED-TOPIC DENIED-TOPIC DENIED-FILTER [CLIENT-ID]
import mqtt from "mqtt";

const NOT_AUTHORIZED = 0x87;
const [port, token, allowed, denied, filter, clientId = "alice/web"] = process.argv.slice(2);
const fail = (why) => { console.error(why); process.exit(1); };
setTimeout(() => fail("not finished within ten seconds"), 10_000);

/** Runs `act` on a connection of its own, and returns the reason with which the gateway closes it. */
function closeReason(act) {
  return new Promise((resolve) => {
    const client = mqtt.connect(`ws://127.0.0.1:${port}/mqtt?token=${token}`, {
      clientId, protocolVersion: 5, reconnectPeriod: 0,
    });
    let reason = "no reason";
    client.on("error", (error) => fail(`not connected: ${error.message}`));
    client.on("disconnect", (packet) => { reason = packet.reasonCode; });
    client.on("close", () => resolve(reason));
    client.on("connect", () => act(client));
  });
}

let granted;
const subscribed = await closeReason((client) => {
  client.subscribe(filter, { qos: 1 }, (error, codes) => { granted = error ? 128 : codes?.[0]?.qos; });
});
if (!(granted >= 128)) fail(`${filter} granted: ${granted}`);

let acknowledged = false;
const published = await closeReason((client) => {
  client.publish(allowed, "hello", { qos: 1 }, (error) => {
    if (error) fail(`publishing to ${allowed} failed: ${error.message}`);
    acknowledged = true;
    client.publish(denied, "hello", { qos: 1 }, () => {});
  });
});
console.log(`published to ${allowed}: ${acknowledged}; ${filter} and ${denied} closed the connection, reasons ${subscribed}, ${published}`);
process.exit(acknowledged && subscribed === NOT_AUTHORIZED && published === NOT_AUTHORIZED ? 0 : 1);
