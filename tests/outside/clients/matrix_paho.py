"""The cells of the matrix for paho, with tokens and with certificates. Reads the cells as JSON from standard input, and
prints one JSON line for each."""

import json
import queue
import ssl
import sys

import paho.mqtt.client as mqtt

TIMEOUT_SECONDS = 30
NOT_AUTHORIZED = 0x87
VERSIONS = {4: mqtt.MQTTv311, 5: mqtt.MQTTv5}


ALPN = {"alpn": "mqtt", "certificate-alpn": "x-amzn-mqtt-ca"}


def tls_context(gateway, cell):
    tls = ssl.create_default_context(cafile=gateway["authority"])
    if name := ALPN.get(cell["transport"]):
        tls.set_alpn_protocols([name])
    if cell.get("certificate"):
        tls.load_cert_chain(cell["certificate"], cell["key"])
    return tls


def address(gateway, transport):
    if transport == "ws":
        return "127.0.0.1", int(gateway["port"])
    return "localhost", int(gateway["mqtts_port" if transport == "certificate" else "tls_port"])


def expect_denial(events, version):
    """MQTT 3.1.1: closed without a CONNACK. MQTT 5: a CONNACK, unless the handshake failed."""
    found, reason = events.get(timeout=TIMEOUT_SECONDS)
    if found == "connected" and not (version == 5 and reason.value == NOT_AUTHORIZED):
        raise RuntimeError(f"CONNACK {reason}")
    if found not in ("connected", "disconnected"):
        raise RuntimeError(f"{found} ({reason}) instead of a denial")


def expect(events, kind):
    found, value = events.get(timeout=TIMEOUT_SECONDS)
    if found != kind:
        raise RuntimeError(f"{found} ({value}) instead of {kind}")
    return value


def play(gateway, cell):
    websocket = cell["transport"] in ("ws", "wss")
    client = mqtt.Client(
        mqtt.CallbackAPIVersion.VERSION2, client_id=cell["id"], protocol=VERSIONS[cell["version"]],
        transport="websockets" if websocket else "tcp", reconnect_on_failure=False,
    )
    events = queue.Queue()
    client.on_connect = lambda client, data, flags, reason, properties: events.put(("connected", reason))
    client.on_disconnect = lambda client, data, flags, reason, properties: events.put(("disconnected", reason))
    client.on_subscribe = lambda client, data, mid, reasons, properties: events.put(("subscribed", reasons[0]))
    client.on_message = lambda client, data, message: events.put(("message", (message.topic, message.payload.decode())))
    if cell.get("token"):
        client.username_pw_set("alice", cell["token"])
    if websocket:
        client.ws_set_options(path="/mqtt")
    if cell["transport"] != "ws":
        client.tls_set_context(tls_context(gateway, cell))
    try:
        client.connect(*address(gateway, cell["transport"]))
    except ssl.SSLError:
        if cell.get("denied"):
            return
        raise
    client.loop_start()
    try:
        if cell.get("denied"):
            return expect_denial(events, cell["version"])
        if expect(events, "connected").is_failure:
            raise RuntimeError("the connection was denied")
        client.subscribe(cell["own"], qos=1)
        if expect(events, "subscribed").is_failure:
            raise RuntimeError(f"{cell['own']} was not granted")
        client.publish(cell["own"], cell["id"], qos=1)
        if expect(events, "message") != (cell["own"], cell["id"]):
            raise RuntimeError("received another message")
        denied = client.publish(cell["other"], "x", qos=1)
        reason = expect(events, "disconnected")
        if denied.is_published():
            raise RuntimeError(f"{cell['other']} was acknowledged")
        if cell["version"] == 5 and reason.value != NOT_AUTHORIZED:
            raise RuntimeError(f"closed with {reason}")
    finally:
        client.loop_stop()


def main():
    request = json.load(sys.stdin)
    for cell in request["cells"]:
        try:
            play(request["gateway"], cell)
            error = None
        except (RuntimeError, OSError, queue.Empty) as raised:
            error = str(raised) or f"no event within {TIMEOUT_SECONDS} seconds"
        print(json.dumps({"id": cell["id"], "error": error}), flush=True)


main()
