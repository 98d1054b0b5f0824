"""The AWS IoT Device SDK v2 for Python and its custom-authorizer builders: the cells of the matrix.

Reads them as JSON from standard input, prints one JSON line for each.
"""

import json
import queue
import sys
from concurrent.futures import TimeoutError

from awscrt import auth, exceptions, mqtt, mqtt5
from awsiot import mqtt5_client_builder, mqtt_connection_builder

PATIENCE = 30


def arguments(door, cell):
    """What both versions' builders are told; with token signing, the token and its signature instead of a password."""
    signing = cell.get("signature")
    login = {
        "auth_authorizer_name": "iot-jwt-authorizer", "auth_token_key_name": "token", "auth_token_value": cell["token"],
        "auth_authorizer_signature": signing,
    } if signing else {"auth_password": cell["token"]}
    return {
        "endpoint": "localhost", "port": int(door["tls_port"]), "ca_filepath": door["authority"], "client_id": cell["id"],
        "auth_username": "alice", **login,
    }


def play_3(door, cell):
    heard = queue.Queue()
    more = {"clean_session": True, "on_connection_interrupted": lambda connection, error, **rest: heard.put(("interrupted", error))}
    if cell["transport"] == "wss":
        nobody = auth.AwsCredentialsProvider.new_static("none", "none")
        connection = mqtt_connection_builder.websockets_with_custom_authorizer(
            region="us-east-1", credentials_provider=nobody, **arguments(door, cell), **more)
    else:
        connection = mqtt_connection_builder.direct_with_custom_authorizer(**arguments(door, cell), **more)
        # The builder puts 443 here, whatever it is told.
        connection.port = int(door["tls_port"])
    connection.connect().result(PATIENCE)
    try:
        granted, _ = connection.subscribe(
            cell["own"], mqtt.QoS.AT_LEAST_ONCE, lambda topic, payload, **rest: heard.put((topic, payload.decode())))
        granted.result(PATIENCE)
        connection.publish(cell["own"], cell["id"], mqtt.QoS.AT_LEAST_ONCE)[0].result(PATIENCE)
        if (came := heard.get(timeout=PATIENCE)) != (cell["own"], cell["id"]):
            raise RuntimeError(f"{came} came back")
        refused, _ = connection.publish(cell["foreign"], "x", mqtt.QoS.AT_LEAST_ONCE)
        if (came := heard.get(timeout=PATIENCE))[0] != "interrupted":
            raise RuntimeError(f"{came} instead of an end")
        if refused.done() and not refused.exception():
            raise RuntimeError(f"{cell['foreign']} was acknowledged")
    finally:
        connection.disconnect().result(PATIENCE)


class Heard:
    """What happens to an MQTT 5 client, in order."""

    def __init__(self):
        self.queue = queue.Queue()

    def callbacks(self):
        return {
            "on_lifecycle_connection_success": lambda data: self.queue.put(("connected", None)),
            "on_lifecycle_connection_failure": lambda data: self.queue.put(
                ("refused", int(data.connack_packet.reason_code) if data.connack_packet else data.exception)),
            "on_lifecycle_disconnection": lambda data: self.queue.put(
                ("disconnected", int(data.disconnect_packet.reason_code) if data.disconnect_packet else data.exception)),
            "on_publish_received": lambda data: self.queue.put(
                ("message", (data.publish_packet.topic, data.publish_packet.payload.decode()))),
        }

    def expect(self, kind):
        what, value = self.queue.get(timeout=PATIENCE)
        if what != kind:
            raise RuntimeError(f"{what} ({value}) instead of {kind}")
        return value


def play_5(door, cell):
    heard = Heard()
    build = {"wss": mqtt5_client_builder.websockets_with_custom_authorizer, "alpn": mqtt5_client_builder.direct_with_custom_authorizer}
    client = build[cell["transport"]](**arguments(door, cell), **heard.callbacks())
    client.start()
    try:
        if cell.get("refused"):
            if (reason := heard.expect("refused")) != 0x87:
                raise RuntimeError(f"refused with {reason}")
            return
        heard.expect("connected")
        own = mqtt5.Subscription(topic_filter=cell["own"], qos=mqtt5.QoS.AT_LEAST_ONCE)
        reasons = client.subscribe(mqtt5.SubscribePacket(subscriptions=[own])).result(PATIENCE).reason_codes
        if any(reason >= 0x80 for reason in reasons):
            raise RuntimeError(f"{cell['own']} was not granted")
        client.publish(publish(cell["own"], cell["id"])).result(PATIENCE)
        if (came := heard.expect("message")) != (cell["own"], cell["id"]):
            raise RuntimeError(f"{came} came back")
        client.publish(publish(cell["foreign"], "x"))
        if (reason := heard.expect("disconnected")) != 0x87:
            raise RuntimeError(f"closed with {reason}")
    finally:
        client.stop()


def publish(topic, payload):
    return mqtt5.PublishPacket(topic=topic, payload=payload, qos=mqtt5.QoS.AT_LEAST_ONCE)


def main():
    told = json.load(sys.stdin)
    for cell in told["cells"]:
        try:
            {4: play_3, 5: play_5}[cell["version"]](told["door"], cell)
            fault = None
        except (RuntimeError, exceptions.AwsCrtError, queue.Empty, TimeoutError) as error:
            fault = str(error) or f"nothing for {PATIENCE} seconds"
        print(json.dumps({"id": cell["id"], "fault": fault}), flush=True)


main()
