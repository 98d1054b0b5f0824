// mqtt.js, outside of the project: connects with a token, may publish here, and may not there.
// node refused.mjs PORT TOKEN ALLOWED-TOPIC REFUSED-TOPIC REFUSED-FILTER
import mqtt from "mqtt";

const [port, token, allowed, refused, filter] = process.argv.slice(2);
const fail = (why) => { console.error(why); process.exit(1); };
setTimeout(() => fail("nothing happened for ten seconds"), 10_000);

/** Does what is refused on a connection of its own, and returns the reason with which the door closes it. */
function closed(act) {
  return new Promise((resolve) => {
    const client = mqtt.connect(`ws://127.0.0.1:${port}/mqtt?token=${token}`, {
      clientId: "alice/web", protocolVersion: 5, reconnectPeriod: 0,
    });
    let reason = "none given";
    client.on("error", (error) => fail(`not connected: ${error.message}`));
    client.on("disconnect", (packet) => { reason = packet.reasonCode; });
    client.on("close", () => resolve(reason));
    client.on("connect", () => act(client));
  });
}

let granted;
const subscribed = await closed((client) => {
  client.subscribe(filter, { qos: 1 }, (error, codes) => { granted = error ? 128 : codes?.[0]?.qos; });
});
if (!(granted >= 128)) fail(`${filter} granted: ${granted}`);

let arrived = false;
const published = await closed((client) => {
  client.publish(allowed, "hello", { qos: 1 }, (error) => {
    if (error) fail(`${allowed} refused: ${error.message}`);
    arrived = true;
    client.publish(refused, "hello", { qos: 1 }, () => {});
  });
});
console.log(`published ${allowed}: ${arrived}; ${filter} and ${refused} closed the connection, reasons ${subscribed}, ${published}`);
process.exit(arrived && subscribed === 0x87 && published === 0x87 ? 0 : 1);
