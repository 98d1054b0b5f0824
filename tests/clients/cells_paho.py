"""paho: the cells of the matrix. Reads them as JSON from standard input, prints one JSON line for each."""

import json
import queue
import ssl
import sys

import paho.mqtt.client as mqtt

PATIENCE = 30
VERSIONS = {4: mqtt.MQTTv311, 5: mqtt.MQTTv5}


def context(door, transport):
    tls = ssl.create_default_context(cafile=door["authority"])
    if transport == "alpn":
        tls.set_alpn_protocols(["mqtt"])
    return tls


def expect(heard, kind):
    what, value = heard.get(timeout=PATIENCE)
    if what != kind:
        raise RuntimeError(f"{what} ({value}) instead of {kind}")
    return value


def play(door, cell):
    websocket = cell["transport"] in ("ws", "wss")
    client = mqtt.Client(
        mqtt.CallbackAPIVersion.VERSION2, client_id=cell["id"], protocol=VERSIONS[cell["version"]],
        transport="websockets" if websocket else "tcp", reconnect_on_failure=False,
    )
    heard = queue.Queue()
    client.on_connect = lambda client, data, flags, reason, properties: heard.put(("connected", reason))
    client.on_disconnect = lambda client, data, flags, reason, properties: heard.put(("disconnected", reason))
    client.on_subscribe = lambda client, data, mid, reasons, properties: heard.put(("subscribed", reasons[0]))
    client.on_message = lambda client, data, message: heard.put(("message", (message.topic, message.payload.decode())))
    client.username_pw_set("alice", cell["token"])
    if websocket:
        client.ws_set_options(path="/mqtt")
    if cell["transport"] != "ws":
        client.tls_set_context(context(door, cell["transport"]))
    client.connect(*("127.0.0.1", int(door["port"])) if cell["transport"] == "ws" else ("localhost", int(door["tls_port"])))
    client.loop_start()
    try:
        if expect(heard, "connected").is_failure:
            raise RuntimeError("not let in")
        client.subscribe(cell["own"], qos=1)
        if expect(heard, "subscribed").is_failure:
            raise RuntimeError(f"{cell['own']} was not granted")
        client.publish(cell["own"], cell["id"], qos=1)
        if expect(heard, "message") != (cell["own"], cell["id"]):
            raise RuntimeError("another message came back")
        refused = client.publish(cell["foreign"], "x", qos=1)
        reason = expect(heard, "disconnected")
        if refused.is_published():
            raise RuntimeError(f"{cell['foreign']} was acknowledged")
        if cell["version"] == 5 and reason.value != 0x87:
            raise RuntimeError(f"closed with {reason}")
    finally:
        client.loop_stop()


def main():
    told = json.load(sys.stdin)
    for cell in told["cells"]:
        try:
            play(told["door"], cell)
            fault = None
        except (RuntimeError, OSError, queue.Empty) as error:
            fault = str(error) or f"nothing for {PATIENCE} seconds"
        print(json.dumps({"id": cell["id"], "fault": fault}), flush=True)


main()
