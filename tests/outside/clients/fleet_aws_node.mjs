// Fleet provisioning by the identity clients of the AWS IoT Device SDK v2 for JavaScript, unchanged: the first over MQTT
// 3.1.1, the second over MQTT 5. Reads gateway, claim and serial numbers as JSON from standard input, and prints what
// each serial number received. ../devices/fleet.py checks it.
import sdk from "aws-iot-device-sdk-v2";
import { json } from "node:stream/consumers";

const { io, iot, iotidentity, mqtt, mqtt5 } = sdk;
const { gateway, certificate, key, template: templateName, serials } = await json(process.stdin);
const QOS = mqtt.QoS.AtLeastOnce;
const TIMEOUT_SECONDS = 30;

const parameters = (created, serial) => ({
  templateName, certificateOwnershipToken: created.certificateOwnershipToken, parameters: { SerialNumber: serial },
});
const rejection = ({ statusCode, errorCode }) => ({ statusCode, errorCode });

/** IotIdentityClient: subscriptions, publishes and callbacks. */
async function byClient(serial) {
  const { AwsIotMqttConnectionConfigBuilder: Builder } = iot;
  const builder = Builder.new_mtls_builder_from_path(certificate, key).with_clean_session(true);
  builder.with_certificate_authority_from_path(undefined, gateway.authority).with_endpoint("localhost");
  builder.with_port(gateway.port).with_client_id(`claim-${serial}`);
  const connection = new mqtt.MqttClient(new io.ClientBootstrap()).new_connection(builder.build());
  await connection.connect();
  const client = new iotidentity.IotIdentityClient(connection);
  const ask = async (subscribe, publish) => {
    let answered;
    const answer = new Promise((resolve, reject) => {
      answered = (error, response) => { error ? reject(error) : resolve(response); };
    });
    await subscribe(answered);
    await publish();
    return answer;
  };
  const created = await ask(
    async (answered) => {
      await client.subscribeToCreateKeysAndCertificateAccepted({}, QOS, answered);
      await client.subscribeToCreateKeysAndCertificateRejected({}, QOS, (_, error) => answered(error));
    },
    () => client.publishCreateKeysAndCertificate({}, QOS));
  const answer = await ask(
    async (answered) => {
      await client.subscribeToRegisterThingAccepted({ templateName }, QOS, answered);
      await client.subscribeToRegisterThingRejected({ templateName }, QOS, (_, error) => answered(error));
    },
    () => client.publishRegisterThing(parameters(created, serial), QOS));
  await connection.disconnect();
  return { client: "IotIdentityClient", ...created, ...answer };
}

/** IotIdentityClientv2: requests and promises. */
async function byClient2(serial) {
  const builder = iot.AwsIotMqtt5ClientConfigBuilder.newDirectMqttBuilderWithMtlsFromPath("localhost", certificate, key);
  builder.withCertificateAuthorityFromPath(undefined, gateway.authority).withPort(gateway.port);
  builder.withConnectProperties({ clientId: `claim-${serial}`, keepAliveIntervalSeconds: 60 });
  const protocol = new mqtt5.Mqtt5Client(builder.build());
  const connected = new Promise((resolve) => { protocol.once("connectionSuccess", resolve); });
  protocol.start();
  await connected;
  const options = { maxRequestResponseSubscriptions: 2, maxStreamingSubscriptions: 1, operationTimeoutInSeconds: TIMEOUT_SECONDS };
  const client = iotidentity.IotIdentityClientv2.newFromMqtt5(protocol, options);
  try {
    const created = await client.createKeysAndCertificate({});
    const answer = await client.registerThing(parameters(created, serial)).catch((error) => error);
    if (answer instanceof Error) return rejection(answer.modeledError);
    return { client: "IotIdentityClientv2", ...created, ...answer };
  } finally {
    client.close();
    protocol.stop();
    protocol.close();
  }
}

const made = {};
for (const [index, serial] of serials.entries()) {
  made[serial] = await (index === 0 ? byClient(serial) : byClient2(serial));
}
console.log(JSON.stringify(made));
process.exit(0);
