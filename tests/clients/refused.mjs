// mqtt.js, outside of the project: connects with a token, may publish here, and may not there.
// node refused.mjs PORT TOKEN ALLOWED-TOPIC REFUSED-TOPIC REFUSED-FILTER
import mqtt from "mqtt";

const [port, token, allowed, refused, filter] = process.argv.slice(2);
const client = mqtt.connect(`ws://127.0.0.1:${port}/mqtt?token=${token}`, {
  clientId: "alice/web", protocolVersion: 5, reconnectPeriod: 0,
});
const fail = (why) => { console.error(why); process.exit(1); };
setTimeout(() => fail("nothing happened for ten seconds"), 10_000);
client.on("error", (error) => fail(`not connected: ${error.message}`));
client.on("connect", () => {
  client.publish(allowed, "hello", { qos: 1 }, (error) => {
    if (error) fail(`${allowed} refused: ${error.message}`);
    client.subscribe(filter, { qos: 1 }, (error, granted) => {
      const code = error ? 128 : granted?.[0]?.qos;
      if (code < 128) fail(`${filter} granted`);
      let reason = "none given";
      client.on("disconnect", (packet) => { reason = packet.reasonCode; });
      client.on("close", () => {
        console.log(`published ${allowed}; refused ${filter}; ${refused} closed the connection, reason ${reason}`);
        process.exit(reason === 0x87 ? 0 : 1);
      });
      client.publish(refused, "hello", { qos: 1 }, () => {});
    });
  });
});
