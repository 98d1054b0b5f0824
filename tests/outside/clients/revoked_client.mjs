// A person's app with mqtt.js: connects, and connects again after each end. Prints `connected`, `closed` and `denied`.
//
// node revoked_client.mjs ADDRESS TOKEN CLIENT-ID
import mqtt from "mqtt";

const [address, token, clientId] = process.argv.slice(2);
let isConnected = false;
const options = { clientId, protocolVersion: 5, reconnectPeriod: 300, reconnectOnConnackError: true };
const client = mqtt.connect(`${address}?token=${token}`, options);
client.on("connect", () => { isConnected = true; console.log("connected"); });
client.on("close", () => { console.log(isConnected ? "closed" : "denied"); isConnected = false; });
client.on("error", () => {});
