"""Connects with paho: publishes to an allowed topic, is disconnected for publishing to a denied one, and cannot
connect with a forged token. Exits 0 if all of this holds.

paho_client.py PORT TOKEN ALLOWED-TOPIC DENIED-TOPIC [CLIENT-ID]
"""

import sys
import threading

import paho.mqtt.client as mqtt

PORT, TOKEN, ALLOWED, DENIED, CLIENT_ID = [*sys.argv[1:], "alice/py"][:5]
TIMEOUT_SECONDS = 10
connected, disconnected = threading.Event(), threading.Event()
reasons = []


def on_connect(client, userdata, flags, reason, properties):
    reasons.append(str(reason))
    connected.set()


def on_disconnect(client, userdata, flags, reason, properties):
    reasons.append(str(reason))
    disconnected.set()


def connect(password):
    connected.clear()
    disconnected.clear()
    reasons.clear()
    client = mqtt.Client(
        mqtt.CallbackAPIVersion.VERSION2, client_id=CLIENT_ID, transport="websockets", protocol=mqtt.MQTTv311,
        reconnect_on_failure=False,
    )
    client.ws_set_options(path="/mqtt")
    client.username_pw_set("alice", password)
    client.on_connect, client.on_disconnect = on_connect, on_disconnect
    client.connect("127.0.0.1", int(PORT))
    client.loop_start()
    if not connected.wait(TIMEOUT_SECONDS):
        sys.exit(f"no CONNACK within {TIMEOUT_SECONDS} seconds")
    return client


client = connect(TOKEN)
if reasons != ["Success"]:
    sys.exit(f"not connected: {reasons}")
client.publish(ALLOWED, "hello", qos=1).wait_for_publish(TIMEOUT_SECONDS)
client.publish(DENIED, "hello", qos=1)
if not disconnected.wait(TIMEOUT_SECONDS):
    sys.exit(f"publishing to {DENIED} did not close the connection")
connect(TOKEN[:-4] + "AAAA")
if reasons[0] != "Not authorized":
    sys.exit(f"a forged token: {reasons}")
print(f"published to {ALLOWED}; publishing to {DENIED} closed the connection; a forged token was not authorized")
