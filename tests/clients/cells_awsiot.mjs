// The AWS IoT Device SDK v2 for JavaScript and its custom-authorizer builders, in Node: the cells of the matrix.
// Reads them as JSON from standard input, prints one JSON line for each.
import sdk from "aws-iot-device-sdk-v2";
import { json } from "node:stream/consumers";

const { io, iot, mqtt, mqtt5 } = sdk;
const { door, cells } = await json(process.stdin);
const NAME = "iot-jwt-authorizer";
const PORT = Number(door.tls_port);

/** What comes with an event. Node's own `once` would fail at an error of the SDK's that comes before it. */
const once = (emitter, event) => new Promise((resolve) => { emitter.once(event, resolve); });

function expect(good, why) {
  if (!good) throw new Error(why);
}

async function play3(cell) {
  const { AwsIotMqttConnectionConfigBuilder: Builder } = iot;
  const builder = cell.transport === "wss" ? Builder.new_builder_for_websocket() : Builder.new_default_builder();
  builder.with_certificate_authority_from_path(undefined, door.authority).with_clean_session(true);
  if (cell.signature) {
    builder.with_custom_authorizer("alice", NAME, cell.signature, "", "token", cell.token);
  } else {
    builder.with_custom_authorizer("alice", "", "", cell.token);
  }
  // The builder puts 443 here before, and prints a warning for another.
  const config = builder.with_port(PORT).with_endpoint("localhost").with_client_id(cell.id).build();
  const connection = new mqtt.MqttClient(new io.ClientBootstrap()).new_connection(config);
  connection.on("error", () => {});
  await connection.connect();
  const returned = new Promise((resolve) => {
    connection.subscribe(cell.own, mqtt.QoS.AtLeastOnce, (topic, payload) => resolve(`${topic} ${Buffer.from(payload)}`))
      .then(() => connection.publish(cell.own, cell.id, mqtt.QoS.AtLeastOnce));
  });
  const came = await returned;
  expect(came === `${cell.own} ${cell.id}`, `${came} came back`);
  const interrupted = once(connection, "interrupt");
  // The SDK may give the message up before it tells of the end.
  const acknowledged = new Promise((resolve) => {
    connection.publish(cell.foreign, "x", mqtt.QoS.AtLeastOnce).then(() => resolve(true), () => {});
  });
  expect(await Promise.race([interrupted, acknowledged]) !== true, `${cell.foreign} was acknowledged`);
  // It would publish once more on its next connection.
  await connection.disconnect();
}

async function play5(cell) {
  const { AwsIotMqtt5ClientConfigBuilder: Builder } = iot;
  const login = cell.signature
    ? { authorizerName: NAME, username: "alice", tokenKeyName: "token", tokenValue: cell.token, tokenSignature: cell.signature }
    : { username: "alice", password: cell.token };
  const make = cell.transport === "wss" ? "newWebsocketMqttBuilderWithCustomAuth" : "newDirectMqttBuilderWithCustomAuth";
  const builder = Builder[make]("localhost", login);
  builder.withPort(PORT).withCertificateAuthorityFromPath(undefined, door.authority);
  builder.withConnectProperties({ clientId: cell.id, keepAliveIntervalSeconds: 60 });
  const client = new mqtt5.Mqtt5Client(builder.build());
  client.on("error", () => {});
  const connected = once(client, "connectionSuccess").then(() => "connected");
  const failed = once(client, "connectionFailure").then(({ connack, error }) => `refused ${connack?.reasonCode ?? error}`);
  client.start();
  try {
    const outcome = await Promise.race([connected, failed]);
    if (cell.refused) return expect(outcome === `refused ${0x87}`, outcome);
    expect(outcome === "connected", outcome);
    const { reasonCodes } = await client.subscribe({ subscriptions: [{ topicFilter: cell.own, qos: mqtt5.QoS.AtLeastOnce }] });
    expect(reasonCodes.every((reason) => reason < 0x80), `${cell.own} was not granted`);
    const message = once(client, "messageReceived");
    await client.publish({ topicName: cell.own, payload: cell.id, qos: mqtt5.QoS.AtLeastOnce });
    const { message: came } = await message;
    expect(came.topicName === cell.own && String(Buffer.from(came.payload)) === cell.id, `${came.topicName} came back`);
    const ended = once(client, "disconnection");
    client.publish({ topicName: cell.foreign, payload: "x", qos: mqtt5.QoS.AtLeastOnce }).catch(() => {});
    const { disconnect } = await ended;
    expect(disconnect?.reasonCode === 0x87, `closed with reason ${disconnect?.reasonCode}`);
  } finally {
    client.stop();
  }
}

const late = () => new Promise((_, reject) => setTimeout(() => reject(new Error("nothing for 30 seconds")), 30_000));
await Promise.all(cells.map(async (cell) => {
  const play = cell.version === 5 ? play5(cell) : play3(cell);
  const fault = await Promise.race([play, late()]).then(() => null, (error) => String(error?.message ?? error));
  console.log(JSON.stringify({ id: cell.id, fault }));
}));
process.exit();
