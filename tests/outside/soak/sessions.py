"""The clients: each connects, subscribes, publishes, receives its message, waits, disconnects, again and again. MQTT
clients are those of the AWS IoT Device SDK v2; HTTPS is Python's."""

import asyncio
import http.client
import json
import ssl
import time
import uuid

from awscrt import auth, mqtt5
from awscrt.exceptions import AwsCrtError
from awsiot import mqtt5_client_builder
from login import person

from control_plane import REGION
from ledger import Cut

ANSWERED, EXPECTED, DELIVERED, HELD = (
    "every connect is answered", "every answer is the expected one", "every message of a connected client is delivered",
    "connections are held until they are ended")
CONNECT_SECONDS, ANSWER_SECONDS, CLOSE_SECONDS = 60, 60, 5
# Credentials of the identity pool live an hour.
CREDENTIALS_SECONDS = 45 * 60
QOS = mqtt5.QoS.AT_LEAST_ONCE
# What the SDK reports for an answer that denies a WebSocket.
DENIED_UPGRADE = "AWS_ERROR_HTTP_WEBSOCKET_UPGRADE_FAILURE"
CONNECTED, CUT, NO_ANSWER = "connected", "cut by a kill of the gateway", "no answer"
# The gateway and the SDK end a TLS handshake that takes longer: a machine without a free processor may be so slow.
HANDSHAKE_SECONDS = 10
LATE = f"no TLS in {HANDSHAKE_SECONDS} seconds"


class Connection:
    """A client of the SDK, connected once in each session: it never connects again by itself."""

    def __init__(self, build, stand, **options):
        self.loop, self.stand = asyncio.get_running_loop(), stand
        self.client = build(
            endpoint="localhost", ca_filepath=stand.gateway.authority, connack_timeout_ms=1000 * CONNECT_SECONDS,
            ack_timeout_sec=ANSWER_SECONDS, min_reconnect_delay_ms=120_000, max_reconnect_delay_ms=120_000,
            keep_alive_interval_sec=600,
            offline_queue_behavior=mqtt5.ClientOperationQueueBehaviorType.FAIL_ALL_ON_DISCONNECT,
            on_lifecycle_connection_success=lambda data: self.later("opened", CONNECTED),
            on_lifecycle_connection_failure=lambda data: self.later("opened", failure(data)),
            on_lifecycle_disconnection=lambda data: self.later("closed", disconnection(data)),
            on_lifecycle_stopped=lambda data: self.later("stopped", None),
            on_publish_received=lambda data: self.loop.call_soon_threadsafe(self.receive, data.publish_packet),
            **options)
        self.waiting, self.is_open = {}, False
        self.begin()

    def begin(self):
        self.opened, self.closed, self.stopped = (self.loop.create_future() for _ in range(3))

    def later(self, name, value):
        """Completes the future of an event, which is that of the present session."""
        def complete():
            future = getattr(self, name)
            if not future.done():
                future.set_result(value)
        self.loop.call_soon_threadsafe(complete)

    def receive(self, packet):
        for expected, future in list(self.waiting.items()):
            if not future.done() and (answer := expected(packet)) is not None:
                future.set_result(answer)

    async def connect(self):
        """`CONNECTED`, or how the attempt ended."""
        self.begin()
        self.client.start()
        try:
            answer = await asyncio.wait_for(asyncio.shield(self.opened), CONNECT_SECONDS + 30)
        except TimeoutError:
            answer = NO_ANSWER
        self.is_open = answer == CONNECTED
        self.stand.connected += self.is_open
        if not self.is_open:
            await self.stop()
        return answer

    async def stop(self):
        self.client.stop()
        await asyncio.wait([self.stopped], timeout=ANSWER_SECONDS)
        self.stand.connected -= self.is_open
        self.is_open = False

    async def until(self, awaitable, seconds=ANSWER_SECONDS):
        """The result of an answer. Raises `Cut` if the connection ends before it, and `TimeoutError` without one."""
        answer = asyncio.ensure_future(awaitable)
        await asyncio.wait([answer, self.closed], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if answer.done() and not answer.exception():
            return answer.result()
        if answer.done():
            # The SDK fails what is under way before it reports the end of the connection.
            await asyncio.wait([self.closed], timeout=CLOSE_SECONDS)
        # The SDK completes it later: it is not cancelled, and its error is of no interest.
        answer.add_done_callback(lambda future: future.cancelled() or future.exception())
        if self.closed.done():
            raise Cut(self.closed.result())
        raise answer.exception() if answer.done() else TimeoutError

    async def subscribe(self, *filters):
        subscriptions = [mqtt5.Subscription(topic_filter=each, qos=QOS) for each in filters]
        sent = self.client.subscribe(mqtt5.SubscribePacket(subscriptions=subscriptions))
        reasons = (await self.until(asyncio.wrap_future(sent))).reason_codes
        if any(reason >= 0x80 for reason in reasons):
            raise RuntimeError(f"{filters} are not granted: {reasons}")

    async def exchange(self, topic, payload, expected):
        """Publishes, and waits for the message for which `expected` returns something."""
        future = self.waiting[expected] = self.loop.create_future()
        try:
            sent = self.client.publish(mqtt5.PublishPacket(topic=topic, payload=payload, qos=QOS))
            await self.until(asyncio.wrap_future(sent))
            return await self.until(future)
        finally:
            del self.waiting[expected]


def failure(data):
    packet = data.connack_packet
    if packet is not None:
        return f"refused by CONNACK 0x{int(packet.reason_code):02x}"
    return "refused by HTTP" if data.exception.name == DENIED_UPGRADE else data.exception.name


def disconnection(data):
    packet = data.disconnect_packet
    return f"DISCONNECT 0x{int(packet.reason_code):02x}" if packet is not None else data.exception.name


class Person:
    """A person of the identity pool. Their credentials end with the gateway that made them."""

    def __init__(self, stand, user):
        self.stand, self.user, self.made_for, self.lock = stand, user, None, asyncio.Lock()

    async def log_in(self):
        async with self.lock:
            process = self.stand.gateway.process.pid
            if self.made_for == process and time.monotonic() < self.renewal:
                return
            try:
                self.identity, keys, _ = await self.stand.run(person, self.stand.plane, self.user, "sub")
            except Exception as error:
                raise Cut(f"login: {error!r}") from error
            self.keys, self.made_for = auth.AwsCredentials(keys["key"], keys["secret"], keys["token"]), process
            self.renewal = time.monotonic() + CREDENTIALS_SECONDS
            self.stand.counts.add("logins")


class Kind:
    """A kind of client: how it is counted, what it depends on, and whether it is denied on purpose."""

    def __init__(self, name, depends=(), denied=False):
        self.name, self.depends, self.denied = name, ("gateway", *depends), denied


def judge(stand, kind, answer, start, who):
    """Counts the answer to a connect that began at `start`; one that is not expected is a broken promise, unless a kill
    or a timeout of the gateway explains it."""
    is_refusal, seconds = answer.startswith("refused"), time.monotonic() - start
    if answer != CONNECTED and not is_refusal and stand.disturbed(("gateway",), start):
        answer = CUT
    elif answer.startswith(("AWS_IO", "SSL", "ConnectionReset")) and seconds >= HANDSHAKE_SECONDS - 0.1:
        answer = LATE
    stand.counts.connect(kind.name, answer)
    if answer in (CUT, LATE):
        return
    if answer != CONNECTED and not is_refusal:
        stand.counts.violation(ANSWERED, f"{kind.name} {who}: {answer} after {seconds:.1f} s")
    elif kind.denied != is_refusal and not (is_refusal and stand.disturbed(kind.depends, start)):
        stand.counts.violation(EXPECTED, f"{kind.name} {who}: {answer}")


class MqttClient:
    """A client over MQTT. With a `shadow` it also updates that of its thing."""

    def __init__(self, stand, kind, connection, name, topic, shadow=None, person=None):
        self.stand, self.kind, self.connection, self.name, self.topic = stand, kind, connection, name, topic
        self.shadow, self.person, self.was_killed = shadow, person, False

    async def session(self, hold):
        stand, counts, start = self.stand, self.stand.counts, time.monotonic()
        try:
            if self.person:
                await self.person.log_in()
        except Cut as error:
            if not stand.disturbed(("gateway",), start):
                counts.violation(ANSWERED, f"{self.kind.name} {self.name}: {error}")
            return
        # A kill between the login and the connect concerns both.
        began = time.monotonic() if not stand.disturbed(("gateway",), start) else start
        answer = await self.connection.connect()
        judge(stand, self.kind, answer, began, self.name)
        if answer != CONNECTED:
            return
        opened = time.monotonic()
        counts.add("reconnects after a kill", self.was_killed)
        self.was_killed = False
        try:
            await self.talk(hold)
        except Cut as error:
            # A function has no part in a connection before its refresh, which is after an hour.
            if stand.disturbed(("gateway",), opened):
                counts.add("connections ended by a kill")
                self.was_killed = True
            else:
                counts.violation(HELD, f"{self.kind.name} {self.name}: {error}")
        except (TimeoutError, RuntimeError, AwsCrtError) as error:
            if not stand.disturbed(("gateway",), opened):
                counts.violation(DELIVERED, f"{self.kind.name} {self.name}: {error!r}")
        finally:
            await self.connection.stop()

    async def talk(self, hold):
        await self.connection.subscribe(self.topic, *self.answers())
        end = time.monotonic() + hold
        while True:
            mark = uuid.uuid4().hex.encode()
            await self.connection.exchange(self.topic, mark, lambda packet: True if packet.payload == mark else None)
            self.stand.counts.add("messages published and received")
            if self.shadow:
                await self.update_shadow()
            left = end - time.monotonic()
            if left <= 0:
                return
            # Ends early if the connection does.
            try:
                await self.connection.until(asyncio.sleep(left / 2 if left > 2 else left), left + 10)
            except TimeoutError:
                return

    def answers(self):
        return [f"{self.shadow}/update/accepted", f"{self.shadow}/update/rejected"] if self.shadow else []

    async def update_shadow(self):
        thing = self.name
        key = ("shadow", thing, None)
        # Waits for the check after a kill, which says how many updates were made.
        async with self.stand.operation():
            if self.connection.closed.done():
                raise Cut(self.connection.closed.result())
            version = (self.stand.ledger.value(key) or (0, None))[0] + 1
            mark = uuid.uuid4().hex
            state = {"mark": mark, "n": version}

            def expected(packet):
                answer = json.loads(packet.payload) if packet.topic.startswith("$aws/things/") else {}
                return (packet.topic, answer) if answer.get("clientToken") == mark else None

            async def call():
                payload = json.dumps({"state": {"reported": state}, "clientToken": mark})
                topic, answer = await self.connection.exchange(f"{self.shadow}/update", payload, expected)
                if not topic.endswith("/accepted") or answer["version"] != version:
                    raise RuntimeError(f"{topic} {answer} instead of version {version}")

            await self.stand.ledger.change(key, (version, state), call)


class HttpsClient:
    """A client that publishes over HTTPS with a token, each time by a new connection."""

    def __init__(self, stand, kind, name, topic, token, authorizer):
        self.stand, self.kind, self.name, self.path = stand, kind, name, f"/topics/{topic}?qos=1"
        self.headers = {"Authorization": f"Bearer {token}", "x-amz-customauthorizer-name": authorizer}
        self.tls = ssl.create_default_context(cafile=stand.gateway.authority)

    async def session(self, hold):
        start = time.monotonic()
        answer = await self.stand.run(self.publish)
        judge(self.stand, self.kind, answer, start, self.name)
        if answer == CONNECTED:
            self.stand.counts.add("messages published over HTTPS")
        await asyncio.sleep(hold / 4)

    def publish(self):
        port = int(self.stand.gateway.tls_port)
        connection = http.client.HTTPSConnection("localhost", port, context=self.tls, timeout=CONNECT_SECONDS)
        try:
            connection.request("POST", self.path, b"soak", self.headers)
            status = connection.getresponse().status
            return CONNECTED if status == 200 else f"refused by HTTP {status}"
        except (OSError, http.client.HTTPException) as error:
            return type(error).__name__
        finally:
            connection.close()


async def sign(stand, users):
    """The people of the identity pool, each with a policy at their identity, and the builder of their clients."""
    people = [Person(stand, user) for user in users]
    for each in people:
        await each.log_in()
        await stand.request(stand.clients.iot.attach_policy, policyName="app", target=each.identity)
    return people


def signed(stand, person, number):
    """A client with temporary credentials over WebSocket."""
    provider = auth.AwsCredentialsProvider.new_delegate(lambda: person.keys)
    name = f"{person.identity}-{number}"
    connection = Connection(
        mqtt5_client_builder.websockets_with_default_aws_signing, stand, region=REGION, credentials_provider=provider,
        client_id=name, port=int(stand.gateway.tls_port))
    topic = f"apps/{person.identity}/{number}"
    return MqttClient(stand, Kind("SigV4, WebSocket"), connection, name, topic, person=person)
