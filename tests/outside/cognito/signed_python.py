"""The cells of the signed clients in Python. Reads the cells as JSON from standard input, and prints one JSON line for
each."""

import json
import os
import pathlib
import queue
import ssl
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, TimeoutError
from urllib.parse import quote

import boto3
import botocore.config
import botocore.exceptions
import paho.mqtt.client as paho
from awscrt import auth, exceptions, mqtt, mqtt5
from awsiot import mqtt5_client_builder, mqtt_connection_builder
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

TIMEOUT_SECONDS = 30
REGION = "us-east-1"
NOT_AUTHORIZED = 0x87
# A handshake that is denied; a connection that is closed before a CONNACK.
REFUSALS = {
    "secret": {"AWS_ERROR_HTTP_WEBSOCKET_UPGRADE_FAILURE"},
    "client": {"AWS_ERROR_MQTT_UNEXPECTED_HANGUP", "AWS_IO_SOCKET_CLOSED"},
}
AWS = pathlib.Path(sys.executable).with_name("aws")


def require(condition, why):
    if not condition:
        raise RuntimeError(why)


def arguments(gateway, cell):
    keys = cell["keys"]
    provider = auth.AwsCredentialsProvider.new_static(keys["key"], keys["secret"], keys["token"])
    return {
        "region": REGION, "credentials_provider": provider, "endpoint": "localhost", "port": int(gateway["tls_port"]),
        "ca_filepath": gateway["authority"], "client_id": cell["id"],
    }


def play_py3(gateway, cell):
    events = queue.Queue()
    connection = mqtt_connection_builder.websockets_with_default_aws_signing(
        clean_session=True, on_connection_interrupted=lambda connection, error, **rest: events.put(("interrupted", error)),
        **arguments(gateway, cell))
    if cell["denied"]:
        try:
            connection.connect().result(TIMEOUT_SECONDS)
        except exceptions.AwsCrtError as error:
            return require(error.name in REFUSALS[cell["denied"]], error.name)
        raise RuntimeError("connected")
    connection.connect().result(TIMEOUT_SECONDS)
    try:
        granted, _ = connection.subscribe(
            cell["own"], mqtt.QoS.AT_LEAST_ONCE, lambda topic, payload, **rest: events.put((topic, payload.decode())))
        granted.result(TIMEOUT_SECONDS)
        connection.publish(cell["own"], cell["id"], mqtt.QoS.AT_LEAST_ONCE)[0].result(TIMEOUT_SECONDS)
        received = events.get(timeout=TIMEOUT_SECONDS)
        require(received == (cell["own"], cell["id"]), f"received {received}")
        connection.publish(cell["other"], "x", mqtt.QoS.AT_LEAST_ONCE)
        received = events.get(timeout=TIMEOUT_SECONDS)
        require(received[0] == "interrupted", f"{received} instead of a closed connection")
    finally:
        connection.disconnect().result(TIMEOUT_SECONDS)


def play_py5(gateway, cell):
    events = queue.Queue()
    client = mqtt5_client_builder.websockets_with_default_aws_signing(
        on_lifecycle_connection_success=lambda data: events.put(("connected", None)),
        on_lifecycle_connection_failure=lambda data: events.put(
            ("denied", int(data.connack_packet.reason_code) if data.connack_packet else data.exception.name)),
        on_lifecycle_disconnection=lambda data: events.put(
            ("disconnected", int(data.disconnect_packet.reason_code) if data.disconnect_packet else data.exception.name)),
        on_publish_received=lambda data: events.put(("message", data.publish_packet.topic)), **arguments(gateway, cell))

    def expect(*expected):
        found = events.get(timeout=TIMEOUT_SECONDS)
        require(found == expected, f"{found} instead of {expected}")

    client.start()
    try:
        if cell["denied"]:
            return expect("denied", NOT_AUTHORIZED if cell["denied"] == "client" else "AWS_ERROR_HTTP_WEBSOCKET_UPGRADE_FAILURE")
        expect("connected", None)
        own = mqtt5.Subscription(topic_filter=cell["own"], qos=mqtt5.QoS.AT_LEAST_ONCE)
        reasons = client.subscribe(mqtt5.SubscribePacket(subscriptions=[own])).result(TIMEOUT_SECONDS).reason_codes
        require(all(reason < 0x80 for reason in reasons), f"{cell['own']} was not granted")
        publish = {"payload": "x", "qos": mqtt5.QoS.AT_LEAST_ONCE}
        client.publish(mqtt5.PublishPacket(topic=cell["own"], **publish)).result(TIMEOUT_SECONDS)
        expect("message", cell["own"])
        client.publish(mqtt5.PublishPacket(topic=cell["other"], **publish))
        expect("disconnected", NOT_AUTHORIZED)
    finally:
        client.stop()


def presigned(keys, host):
    """The path and query of an address that botocore signs. The session token is appended: AWS IoT does not sign it."""
    request = AWSRequest("GET", f"https://{host}/mqtt", headers={"Host": host})
    SigV4QueryAuth(Credentials(keys["key"], keys["secret"]), "iotdevicegateway", REGION, expires=300).add_auth(request)
    query = request.url.partition("?")[2]
    return f"/mqtt?{query}&X-Amz-Security-Token={quote(keys['token'], safe='')}"


def play_paho(gateway, cell):
    is_tls = cell["transport"] == "wss"
    name, port = ("localhost", gateway["tls_port"]) if is_tls else ("127.0.0.1", gateway["port"])
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, cell["id"], transport="websockets", reconnect_on_failure=False)
    host = f"{name}:{port}"
    client.ws_set_options(presigned(cell["keys"], host), {"Host": host})
    if is_tls:
        client.tls_set_context(ssl.create_default_context(cafile=gateway["authority"]))
    events = queue.Queue()
    client.on_connect = lambda client, data, flags, reason, properties: events.put(("connected", None))
    client.on_disconnect = lambda client, data, flags, reason, properties: events.put(("disconnected", None))
    client.on_subscribe = lambda client, data, mid, reasons, properties: events.put(("subscribed", reasons[0].is_failure))
    client.on_message = lambda client, data, message: events.put(("message", message.topic))

    def expect(*expected):
        found = events.get(timeout=TIMEOUT_SECONDS)
        require(found == expected, f"{found} instead of {expected}")

    try:
        client.connect(name, int(port))
    except (paho.WebsocketConnectionError, ConnectionError) as error:
        return require(cell["denied"] == "secret", f"no connection: {error}")
    require(cell["denied"] != "secret", "the WebSocket opened")
    client.loop_start()
    try:
        if cell["denied"]:
            return expect("disconnected", None)
        expect("connected", None)
        client.subscribe(cell["own"], 1)
        expect("subscribed", False)
        client.publish(cell["own"], "x", 1)
        expect("message", cell["own"])
        client.publish(cell["other"], "x", 1)
        expect("disconnected", None)
    finally:
        client.disconnect()
        client.loop_stop()


def rest(cell, publish):
    """Publishes by a function that returns the code of an error, or `None`."""
    if cell["denied"]:
        return require((code := publish(cell["own"])) == "ForbiddenException", f"{code}")
    require((code := publish(cell["own"])) is None, f"{cell['own']}: {code}")
    require((code := publish(cell["other"])) == "ForbiddenException", f"{cell['other']}: {code}")


def play_boto3(gateway, cell):
    keys = cell["keys"]
    client = boto3.client(
        "iot-data", region_name=REGION, endpoint_url=f"http://127.0.0.1:{gateway['port']}", aws_access_key_id=keys["key"],
        aws_secret_access_key=keys["secret"], aws_session_token=keys["token"],
        config=botocore.config.Config(retries={"total_max_attempts": 1}))

    def publish(topic):
        try:
            client.publish(topic=topic, qos=1, payload=b"x")
        except botocore.exceptions.ClientError as error:
            return error.response["Error"]["Code"]

    rest(cell, publish)


def play_cli(gateway, cell):
    keys = cell["keys"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | {
        "AWS_ACCESS_KEY_ID": keys["key"], "AWS_SECRET_ACCESS_KEY": keys["secret"], "AWS_SESSION_TOKEN": keys["token"],
        "AWS_DEFAULT_REGION": REGION, "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_ENDPOINT_URL_IOT_DATA_PLANE": f"http://127.0.0.1:{gateway['port']}", "AWS_MAX_ATTEMPTS": "1",
    }

    def publish(topic):
        command = [AWS, "iot-data", "publish", "--topic", topic, "--qos", "1", "--payload", "eA=="]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=TIMEOUT_SECONDS)
        if done.returncode:
            return "ForbiddenException" if "(ForbiddenException)" in done.stderr else done.stderr

    rest(cell, publish)


def played(gateway, cell):
    try:
        globals()[f"play_{cell['client']}"](gateway, cell)
    except (RuntimeError, OSError, exceptions.AwsCrtError, queue.Empty, TimeoutError, subprocess.TimeoutExpired) as raised:
        return {"id": cell["name"], "error": str(raised) or f"no event within {TIMEOUT_SECONDS} seconds"}
    return {"id": cell["name"], "error": None}


def main():
    request = json.load(sys.stdin)
    with ThreadPoolExecutor(4) as pool:
        for report in pool.map(lambda cell: played(request["gateway"], cell), request["cells"]):
            print(json.dumps(report), flush=True)


main()
