// The cells of the signed clients in JavaScript: part `cognito`.
import { Sha256 } from "@aws-crypto/sha256-js";
import { IoTDataPlaneClient, PublishCommand } from "@aws-sdk/client-iot-data-plane";
import { fromCognitoIdentityPool } from "@aws-sdk/credential-providers";
import { SignatureV4 } from "@smithy/signature-v4";
import sdk1 from "aws-iot-device-sdk";
import sdk2 from "aws-iot-device-sdk-v2";
import mqttjs from "mqtt";
import WebSocket from "ws";
import { NOT_AUTHORIZED, cells, expect, gateway, once, report } from "./cells.mjs";

const { auth, io, iot, mqtt, mqtt5 } = sdk2;
const REGION = "us-east-1";
const PORT = Number(gateway.tls_port);

const provider = ({ key, secret, token }) => auth.AwsCredentialsProvider.newStatic(key, secret, token);

async function js3(cell) {
  const builder = iot.AwsIotMqttConnectionConfigBuilder.new_with_websockets({ region: REGION, credentials_provider: provider(cell.keys) });
  builder.with_certificate_authority_from_path(undefined, gateway.authority).with_clean_session(true);
  const config = builder.with_endpoint("localhost").with_port(PORT).with_client_id(cell.id).build();
  const connection = new mqtt.MqttClient(new io.ClientBootstrap()).new_connection(config);
  connection.on("error", () => {});
  if (cell.denied) {
    const outcome = await connection.connect().then(() => "connected", String);
    const expected = { client: /UNEXPECTED_HANGUP|SOCKET_CLOSED|hangup|closed/i, secret: /WEBSOCKET_UPGRADE_FAILURE/ };
    return expect(expected[cell.denied].test(outcome), outcome);
  }
  await connection.connect();
  const message = new Promise((resolve) => {
    connection.subscribe(cell.own, mqtt.QoS.AtLeastOnce, (topic) => resolve(topic))
      .then(() => connection.publish(cell.own, "x", mqtt.QoS.AtLeastOnce));
  });
  expect(await message === cell.own, "received another topic");
  const interrupted = once(connection, "interrupt");
  const acknowledged = new Promise((resolve) => {
    connection.publish(cell.other, "x", mqtt.QoS.AtLeastOnce).then(() => resolve(true), () => {});
  });
  expect(await Promise.race([interrupted, acknowledged]) !== true, `${cell.other} was acknowledged`);
  await connection.disconnect();
}

async function js5(cell) {
  const builder = iot.AwsIotMqtt5ClientConfigBuilder.newWebsocketMqttBuilderWithSigv4Auth(
    "localhost", { region: REGION, credentialsProvider: provider(cell.keys) });
  builder.withPort(PORT).withCertificateAuthorityFromPath(undefined, gateway.authority);
  builder.withConnectProperties({ clientId: cell.id, keepAliveIntervalSeconds: 60 });
  const client = new mqtt5.Mqtt5Client(builder.build());
  client.on("error", () => {});
  const connected = once(client, "connectionSuccess").then(() => "connected");
  const failed = once(client, "connectionFailure").then(({ connack, error }) => `denied ${connack?.reasonCode ?? error}`);
  client.start();
  try {
    const outcome = await Promise.race([connected, failed]);
    if (cell.denied === "client") return expect(outcome === `denied ${NOT_AUTHORIZED}`, outcome);
    if (cell.denied) return expect(/WEBSOCKET_UPGRADE_FAILURE/.test(outcome), outcome);
    expect(outcome === "connected", outcome);
    const { reasonCodes } = await client.subscribe({ subscriptions: [{ topicFilter: cell.own, qos: mqtt5.QoS.AtLeastOnce }] });
    expect(reasonCodes.every((reason) => reason < 0x80), `${cell.own} was not granted`);
    const message = once(client, "messageReceived");
    await client.publish({ topicName: cell.own, payload: "x", qos: mqtt5.QoS.AtLeastOnce });
    expect((await message).message.topicName === cell.own, "received another topic");
    const ended = once(client, "disconnection");
    client.publish({ topicName: cell.other, payload: "x", qos: mqtt5.QoS.AtLeastOnce }).catch(() => {});
    const { disconnect } = await ended;
    expect(disconnect?.reasonCode === NOT_AUTHORIZED, `closed with reason ${disconnect?.reasonCode}`);
  } finally {
    client.stop();
  }
}

/** Plays a cell with a client of mqtt.js, on which the SDK v1 is built. */
async function play(cell, client) {
  const failed = new Promise((resolve) => {
    client.on("error", (error) => resolve(String(error?.message ?? error)));
    client.on("close", () => resolve("closed"));
  });
  try {
    const outcome = await Promise.race([once(client, "connect").then(() => "connected"), failed]);
    // It does not say why there is no WebSocket. The gateway's event log does.
    if (cell.denied) return expect(outcome === "closed", outcome);
    expect(outcome === "connected", outcome);
    const granted = new Promise((resolve) => { client.subscribe(cell.own, { qos: 1 }, (error, list) => resolve(error ?? list)); });
    expect((await granted)?.[0]?.qos === 1, `${cell.own} was not granted`);
    const message = once(client, "message");
    client.publish(cell.own, "x", { qos: 1 });
    expect(await message === cell.own, "received another topic");
    const closed = once(client, "close").then(() => "closed");
    const acknowledged = new Promise((resolve) => { client.publish(cell.other, "x", { qos: 1 }, (error) => error || resolve("acknowledged")); });
    expect(await Promise.race([closed, acknowledged]) === "closed", `${cell.other} was acknowledged`);
  } finally {
    client.end(true);
  }
}

async function js1(cell) {
  const { key, secret, token } = cell.keys;
  await play(cell, sdk1.device({
    protocol: "wss", host: "localhost", port: PORT, region: REGION, clientId: cell.id, accessKeyId: key, secretKey: secret,
    sessionToken: token, clean: true,
  }));
}

/** The address of a connect: signed without the session token, which is appended. */
async function sign({ key, secret, token }, protocol, hostname, port) {
  const credentials = { accessKeyId: key, secretAccessKey: secret };
  const signer = new SignatureV4({ service: "iotdevicegateway", region: REGION, sha256: Sha256, credentials });
  const headers = { host: `${hostname}:${port}` };
  const { query } = await signer.presign({ method: "GET", protocol, hostname, port, path: "/mqtt", headers, query: {} }, { expiresIn: 300 });
  const all = new URLSearchParams({ ...query, "X-Amz-Security-Token": token });
  return `${protocol}//${hostname}:${port}/mqtt?${all}`;
}

async function mqttJs(cell) {
  const [hostname, port] = cell.transport === "wss" ? ["localhost", PORT] : ["127.0.0.1", Number(gateway.port)];
  let address = await sign(cell.keys, `${cell.transport}:`, hostname, port);
  const client = mqttjs.connect(address, {
    clientId: cell.id, reconnectPeriod: 0, transformWsUrl: () => address,
  });
  await play(cell, client);
  if (cell.denied) return;
  // An address of another hour is denied, and a new one, which `transformWsUrl` returns, is not.
  const date = address.match(/X-Amz-Date=(\w+)/)[1];
  const stale = address.replace(date, date.replace(/^\d{8}/, "20200101")).replace(/%2F\d{8}%2F/, "%2F20200101%2F");
  for (const [used, denied] of [[stale, "secret"], [await sign(cell.keys, `${cell.transport}:`, hostname, port), null]]) {
    address = used;
    const again = mqttjs.connect(stale, { clientId: cell.id, reconnectPeriod: 0, transformWsUrl: () => address });
    await play({ ...cell, denied }, again);
  }
}

async function sdk3(cell) {
  const { key, secret, token } = cell.keys;
  const login = { logins: cell.logins, clientConfig: { region: REGION, endpoint: `http://127.0.0.1:${gateway.port}` } };
  const credentials = cell.denied
    ? { accessKeyId: key, secretAccessKey: secret, sessionToken: token }
    : fromCognitoIdentityPool({ identityPoolId: cell.pool, ...login });
  const client = new IoTDataPlaneClient({ region: REGION, endpoint: `http://127.0.0.1:${gateway.port}`, credentials, maxAttempts: 1 });
  const publish = (topic) => client.send(new PublishCommand({ topic, qos: 1, payload: Buffer.from("x") })).then(() => null, ({ name }) => name);
  if (cell.denied) return expect(await publish(cell.own) === "ForbiddenException", "published");
  expect(await publish(cell.own) === null, `${cell.own} is denied`);
  expect(await publish(cell.other) === "ForbiddenException", `${cell.other} is published`);
}

let amplify;

/** Amplify, with what it finds in a browser. Its credentials are one provider's for all, so its cells are played in turn. */
async function loadAmplify() {
  globalThis.WebSocket ??= WebSocket;
  const [{ Amplify, Hub }, { PubSub }] = [await import("@aws-amplify/core"), await import("@aws-amplify/pubsub")];
  return { Amplify, Hub, PubSub };
}

async function playAmplify(cell) {
  const { Amplify, Hub, PubSub } = await (amplify ??= loadAmplify());
  const { key, secret, token } = cell.keys;
  const credentials = { accessKeyId: key, secretAccessKey: secret, sessionToken: token };
  Amplify.configure(
    { Auth: { Cognito: { identityPoolId: cell.pool } } },
    { Auth: { credentialsProvider: { getCredentialsAndIdentityId: async () => ({ credentials }), clearCredentialsAndIdentityId: () => {} } } });
  const pubsub = new PubSub({ region: REGION, endpoint: `wss://localhost:${PORT}/mqtt`, clientId: cell.id });
  const state = (wanted) => new Promise((resolve) => {
    const stop = Hub.listen("pubsub", ({ payload }) => {
      const { connectionState } = payload.data ?? {};
      if (wanted.includes(connectionState)) resolve((stop(), connectionState));
    });
  });
  // It tries again for ever, and reports that only as its state.
  const decided = state(["Connected", "ConnectionDisrupted", "Disconnected"]);
  let next;
  const message = new Promise((resolve, reject) => { next = { next: resolve, error: reject }; });
  const subscription = pubsub.subscribe({ topics: [cell.own] }).subscribe(next);
  try {
    const outcome = await decided;
    if (cell.denied) return expect(outcome !== "Connected", outcome);
    expect(outcome === "Connected", outcome);
    await pubsub.publish({ topics: cell.own, message: { text: "x" } });
    const received = await message;
    expect(received.text === "x", `received ${JSON.stringify(received)}`);
    const disrupted = state(["ConnectionDisrupted", "Disconnected"]);
    await pubsub.publish({ topics: cell.other, message: { text: "x" } });
    await disrupted;
  } finally {
    subscription.unsubscribe();
  }
}

const PLAY = { js3, js5, js1, mqttjs: mqttJs, sdk3 };
const TIMEOUT_SECONDS = 20;
const inTurn = async () => {
  for (const cell of cells.filter(({ client }) => client === "amplify")) await report(cell, cell.name, playAmplify, TIMEOUT_SECONDS);
};
await Promise.all([inTurn(), ...cells.filter(({ client }) => client !== "amplify").map((cell) => report(cell, cell.name, PLAY[cell.client], TIMEOUT_SECONDS))]);
process.exit();
