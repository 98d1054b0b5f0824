// The cells of the matrix for the AWS IoT Device SDK v2 for JavaScript in Node, with its custom-authorizer builders, and
// with its builders for certificates.
import sdk from "aws-iot-device-sdk-v2";
import { NOT_AUTHORIZED, cells, expect, gateway, once, report } from "./cells.mjs";

const { io, iot, mqtt, mqtt5 } = sdk;
const AUTHORIZER = "iot-jwt-authorizer";
const PORT = Number(gateway.tls_port);

/** The configuration for a certificate. The builders announce an ALPN name only if they choose the port, 443. */
function withCertificate(cell, builder, setPort, build) {
  if (cell.transport === "certificate") setPort(Number(gateway.mqtts_port));
  const config = build();
  if (cell.transport !== "certificate") config.port = PORT;
  return config;
}

function config3(cell) {
  const { AwsIotMqttConnectionConfigBuilder: Builder } = iot;
  if (cell.certificate) {
    const builder = Builder.new_mtls_builder_from_path(cell.certificate, cell.key);
    builder.with_certificate_authority_from_path(undefined, gateway.authority).with_clean_session(true);
    builder.with_endpoint("localhost").with_client_id(cell.id);
    return withCertificate(cell, builder, (port) => builder.with_port(port), () => builder.build());
  }
  const builder = cell.transport === "wss" ? Builder.new_builder_for_websocket() : Builder.new_default_builder();
  builder.with_certificate_authority_from_path(undefined, gateway.authority).with_clean_session(true);
  if (cell.signature) {
    builder.with_custom_authorizer("alice", AUTHORIZER, cell.signature, "", "token", cell.token);
  } else {
    builder.with_custom_authorizer("alice", "", "", cell.token);
  }
  // The builder has set 443 by now, and prints a warning about another port.
  return builder.with_port(PORT).with_endpoint("localhost").with_client_id(cell.id).build();
}

async function play3(cell) {
  const config = config3(cell);
  const connection = new mqtt.MqttClient(new io.ClientBootstrap()).new_connection(config);
  connection.on("error", () => {});
  if (cell.denied) {
    const outcome = await connection.connect().then(() => "connected", (error) => String(error));
    return expect(/AWS_ERROR_MQTT_UNEXPECTED_HANGUP|AWS_IO_SOCKET_CLOSED|hangup|closed/i.test(outcome), outcome);
  }
  await connection.connect();
  const returned = new Promise((resolve) => {
    connection.subscribe(cell.own, mqtt.QoS.AtLeastOnce, (topic, payload) => resolve(`${topic} ${Buffer.from(payload)}`))
      .then(() => connection.publish(cell.own, cell.id, mqtt.QoS.AtLeastOnce));
  });
  const received = await returned;
  expect(received === `${cell.own} ${cell.id}`, `received ${received}`);
  const interrupted = once(connection, "interrupt");
  // The SDK may reject the publish before it reports the interruption.
  const acknowledged = new Promise((resolve) => {
    connection.publish(cell.other, "x", mqtt.QoS.AtLeastOnce).then(() => resolve(true), () => {});
  });
  expect(await Promise.race([interrupted, acknowledged]) !== true, `${cell.other} was acknowledged`);
  // Else it would publish again on its next connection.
  await connection.disconnect();
}

function config5(cell) {
  const { AwsIotMqtt5ClientConfigBuilder: Builder } = iot;
  if (cell.certificate) {
    const builder = Builder.newDirectMqttBuilderWithMtlsFromPath("localhost", cell.certificate, cell.key);
    builder.withCertificateAuthorityFromPath(undefined, gateway.authority);
    builder.withConnectProperties({ clientId: cell.id, keepAliveIntervalSeconds: 60 });
    return withCertificate(cell, builder, (port) => builder.withPort(port), () => builder.build());
  }
  const login = cell.signature
    ? { authorizerName: AUTHORIZER, username: "alice", tokenKeyName: "token", tokenValue: cell.token, tokenSignature: cell.signature }
    : { username: "alice", password: cell.token };
  const make = cell.transport === "wss" ? "newWebsocketMqttBuilderWithCustomAuth" : "newDirectMqttBuilderWithCustomAuth";
  const builder = Builder[make]("localhost", login);
  builder.withPort(PORT).withCertificateAuthorityFromPath(undefined, gateway.authority);
  builder.withConnectProperties({ clientId: cell.id, keepAliveIntervalSeconds: 60 });
  return builder.build();
}

async function play5(cell) {
  const client = new mqtt5.Mqtt5Client(config5(cell));
  client.on("error", () => {});
  const connected = once(client, "connectionSuccess").then(() => "connected");
  const failed = once(client, "connectionFailure").then(({ connack, error }) => `denied ${connack?.reasonCode ?? error}`);
  client.start();
  try {
    const outcome = await Promise.race([connected, failed]);
    if (cell.denied) return expect(outcome === `denied ${NOT_AUTHORIZED}`, outcome);
    expect(outcome === "connected", outcome);
    const { reasonCodes } = await client.subscribe({ subscriptions: [{ topicFilter: cell.own, qos: mqtt5.QoS.AtLeastOnce }] });
    expect(reasonCodes.every((reason) => reason < 0x80), `${cell.own} was not granted`);
    const message = once(client, "messageReceived");
    await client.publish({ topicName: cell.own, payload: cell.id, qos: mqtt5.QoS.AtLeastOnce });
    const { message: received } = await message;
    expect(received.topicName === cell.own && String(Buffer.from(received.payload)) === cell.id, `received ${received.topicName}`);
    const ended = once(client, "disconnection");
    client.publish({ topicName: cell.other, payload: "x", qos: mqtt5.QoS.AtLeastOnce }).catch(() => {});
    const { disconnect } = await ended;
    expect(disconnect?.reasonCode === NOT_AUTHORIZED, `closed with reason ${disconnect?.reasonCode}`);
  } finally {
    client.stop();
  }
}

await Promise.all(cells.map((cell) => report(cell, cell.id, cell.version === 5 ? play5 : play3)));
process.exit();
