"""A paho client for tests: what happens to it, in order."""

import contextlib
import queue
import socket
import ssl

import paho.mqtt.client as mqtt

TIMEOUT_SECONDS = 30
CONNECTED = "connected"


class Client(mqtt.Client):
    """A client whose address and server name are given separately: not every resolver knows names below localhost."""

    def _create_socket_connection(self):
        return socket.create_connection(("127.0.0.1", self._port), timeout=TIMEOUT_SECONDS)


@contextlib.contextmanager
def opened(gateway, client_id, port, *, host="localhost", certificate=None, alpn=None, login=None):
    """A client of MQTT 3.1.1 with a certificate and its key, or a user name and a password, or both; the function that
    waits for its next event; and the queue of its events. A connect that is refused is `denied` with a CONNACK and
    `disconnected` without."""
    tls = ssl.create_default_context(cafile=gateway.authority)
    if alpn:
        tls.set_alpn_protocols([alpn])
    if certificate:
        tls.load_cert_chain(*certificate)
    client, events = Client(mqtt.CallbackAPIVersion.VERSION2, client_id=client_id, reconnect_on_failure=False), queue.Queue()
    client.tls_set_context(tls)
    if login:
        client.username_pw_set(*login)
    client.on_connect = lambda client, data, flags, reason, properties: events.put("denied" if reason.is_failure else CONNECTED)
    client.on_disconnect = lambda client, data, flags, reason, properties: events.put("disconnected")
    client.on_publish = lambda client, data, mid, reason, properties: events.put("published")
    client.on_subscribe = lambda client, data, mid, reasons, properties: events.put(f"subscribed {reasons[0].value}")
    client.on_message = lambda client, data, message: events.put(message.topic)
    client.connect(host, int(port))
    client.loop_start()
    try:
        yield client, lambda: events.get(timeout=TIMEOUT_SECONDS), events
    finally:
        client.disconnect()
        client.loop_stop()
