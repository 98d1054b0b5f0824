"""paho, outside of the project: connects with a token, may publish here, and may not there.

python3 refused.py PORT TOKEN ALLOWED-TOPIC REFUSED-TOPIC [CLIENT-ID]
"""

import sys
import threading

import paho.mqtt.client as mqtt

port, token, allowed, refused, client_id = [*sys.argv[1:], "alice/py"][:5]
closed = threading.Event()
connected = threading.Event()
reasons = []


def on_connect(client, userdata, flags, reason, properties):
    reasons.append(str(reason))
    connected.set()


def on_disconnect(client, userdata, flags, reason, properties):
    reasons.append(str(reason))
    closed.set()


def connect(password):
    connected.clear()
    closed.clear()
    reasons.clear()
    client = mqtt.Client(
        mqtt.CallbackAPIVersion.VERSION2, client_id=client_id, transport="websockets", protocol=mqtt.MQTTv311,
        reconnect_on_failure=False,
    )
    client.ws_set_options(path="/mqtt")
    client.username_pw_set("alice", password)
    client.on_connect, client.on_disconnect = on_connect, on_disconnect
    client.connect("127.0.0.1", int(port))
    client.loop_start()
    if not connected.wait(10):
        sys.exit("no CONNACK in ten seconds")
    return client


client = connect(token)
if reasons != ["Success"]:
    sys.exit(f"not connected: {reasons}")
client.publish(allowed, "hello", qos=1).wait_for_publish(10)
client.publish(refused, "hello", qos=1)
if not closed.wait(10):
    sys.exit(f"{refused} did not close the connection")
connect(token[:-4] + "AAAA")
if reasons[0] != "Not authorized":
    sys.exit(f"a forged token: {reasons}")
print(f"published {allowed}; {refused} closed the connection; a forged token was not authorized")
