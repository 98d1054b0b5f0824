"""The cells of the matrix for the AWS IoT Device SDK v2 for Python, with its custom-authorizer builders,
and with its builders for certificates.

Reads the cells as JSON from standard input, and prints one JSON line for each.
"""

import json
import queue
import sys
from concurrent.futures import TimeoutError

from awscrt import auth, exceptions, mqtt, mqtt5
from awsiot import mqtt5_client_builder, mqtt_connection_builder

TIMEOUT_SECONDS = 30
NOT_AUTHORIZED = 0x87
# A connection that is closed before a CONNACK.
REFUSALS = {"AWS_ERROR_MQTT_UNEXPECTED_HANGUP", "AWS_IO_SOCKET_CLOSED"}


def arguments(gateway, cell):
    """The arguments of both versions' builders. With token signing: the token and its signature instead of a
    password."""
    signature = cell.get("signature")
    login = {
        "auth_authorizer_name": "iot-jwt-authorizer", "auth_token_key_name": "token", "auth_token_value": cell["token"],
        "auth_authorizer_signature": signature,
    } if signature else {"auth_password": cell["token"]}
    return {
        "endpoint": "localhost", "port": int(gateway["tls_port"]), "ca_filepath": gateway["authority"], "client_id": cell["id"],
        "auth_username": "alice", **login,
    }


def certificate_arguments(gateway, cell):
    """The builders announce an ALPN name only if they choose the port, 443."""
    port = {"port": int(gateway["mqtts_port"])} if cell["transport"] == "certificate" else {}
    return {
        "cert_filepath": cell["certificate"], "pri_key_filepath": cell["key"], "endpoint": "localhost",
        "ca_filepath": gateway["authority"], "client_id": cell["id"], **port,
    }


def expect_no_connection(connection):
    try:
        connection.connect().result(TIMEOUT_SECONDS)
    except exceptions.AwsCrtError as error:
        if error.name not in REFUSALS:
            raise
        return
    connection.disconnect().result(TIMEOUT_SECONDS)
    raise RuntimeError("connected")


def play_3(gateway, cell):
    events = queue.Queue()
    more = {"clean_session": True, "on_connection_interrupted": lambda connection, error, **rest: events.put(("interrupted", error))}
    if cell.get("certificate"):
        connection = mqtt_connection_builder.mtls_from_path(**certificate_arguments(gateway, cell), **more)
        if cell["transport"] == "certificate-alpn":
            connection.port = int(gateway["tls_port"])
    elif cell["transport"] == "wss":
        unused = auth.AwsCredentialsProvider.new_static("none", "none")
        connection = mqtt_connection_builder.websockets_with_custom_authorizer(
            region="us-east-1", credentials_provider=unused, **arguments(gateway, cell), **more)
    else:
        connection = mqtt_connection_builder.direct_with_custom_authorizer(**arguments(gateway, cell), **more)
        # The builder always sets 443.
        connection.port = int(gateway["tls_port"])
    if cell.get("denied"):
        return expect_no_connection(connection)
    connection.connect().result(TIMEOUT_SECONDS)
    try:
        granted, _ = connection.subscribe(
            cell["own"], mqtt.QoS.AT_LEAST_ONCE, lambda topic, payload, **rest: events.put((topic, payload.decode())))
        granted.result(TIMEOUT_SECONDS)
        connection.publish(cell["own"], cell["id"], mqtt.QoS.AT_LEAST_ONCE)[0].result(TIMEOUT_SECONDS)
        if (received := events.get(timeout=TIMEOUT_SECONDS)) != (cell["own"], cell["id"]):
            raise RuntimeError(f"received {received}")
        denied, _ = connection.publish(cell["other"], "x", mqtt.QoS.AT_LEAST_ONCE)
        if (received := events.get(timeout=TIMEOUT_SECONDS))[0] != "interrupted":
            raise RuntimeError(f"{received} instead of a closed connection")
        if denied.done() and not denied.exception():
            raise RuntimeError(f"{cell['other']} was acknowledged")
    finally:
        connection.disconnect().result(TIMEOUT_SECONDS)


class Events:
    """The events of an MQTT 5 client, in order."""

    def __init__(self):
        self.queue = queue.Queue()

    def callbacks(self):
        return {
            "on_lifecycle_connection_success": lambda data: self.queue.put(("connected", None)),
            "on_lifecycle_connection_failure": lambda data: self.queue.put(
                ("denied", int(data.connack_packet.reason_code) if data.connack_packet else data.exception)),
            "on_lifecycle_disconnection": lambda data: self.queue.put(
                ("disconnected", int(data.disconnect_packet.reason_code) if data.disconnect_packet else data.exception)),
            "on_publish_received": lambda data: self.queue.put(
                ("message", (data.publish_packet.topic, data.publish_packet.payload.decode()))),
        }

    def expect(self, kind):
        found, value = self.queue.get(timeout=TIMEOUT_SECONDS)
        if found != kind:
            raise RuntimeError(f"{found} ({value}) instead of {kind}")
        return value


def play_5(gateway, cell):
    events = Events()
    build = {"wss": mqtt5_client_builder.websockets_with_custom_authorizer, "alpn": mqtt5_client_builder.direct_with_custom_authorizer}
    if cell.get("certificate"):
        client = mqtt5_client_builder.mtls_from_path(**certificate_arguments(gateway, cell), **events.callbacks())
    else:
        client = build[cell["transport"]](**arguments(gateway, cell), **events.callbacks())
    client.start()
    try:
        if cell.get("denied"):
            if (reason := events.expect("denied")) != NOT_AUTHORIZED:
                raise RuntimeError(f"denied with {reason}")
            return
        events.expect("connected")
        own = mqtt5.Subscription(topic_filter=cell["own"], qos=mqtt5.QoS.AT_LEAST_ONCE)
        reasons = client.subscribe(mqtt5.SubscribePacket(subscriptions=[own])).result(TIMEOUT_SECONDS).reason_codes
        if any(reason >= 0x80 for reason in reasons):
            raise RuntimeError(f"{cell['own']} was not granted")
        client.publish(publish(cell["own"], cell["id"])).result(TIMEOUT_SECONDS)
        if (received := events.expect("message")) != (cell["own"], cell["id"]):
            raise RuntimeError(f"received {received}")
        client.publish(publish(cell["other"], "x"))
        if (reason := events.expect("disconnected")) != NOT_AUTHORIZED:
            raise RuntimeError(f"closed with {reason}")
    finally:
        client.stop()


def publish(topic, payload):
    return mqtt5.PublishPacket(topic=topic, payload=payload, qos=mqtt5.QoS.AT_LEAST_ONCE)


def main():
    request = json.load(sys.stdin)
    for cell in request["cells"]:
        try:
            {4: play_3, 5: play_5}[cell["version"]](request["gateway"], cell)
            error = None
        except (RuntimeError, exceptions.AwsCrtError, queue.Empty, TimeoutError) as raised:
            error = str(raised) or f"no event within {TIMEOUT_SECONDS} seconds"
        print(json.dumps({"id": cell["id"], "error": error}), flush=True)


main()
