"""Malformed packets on all ports: before a CONNECT, in its place, and after it. Each connection must be answered or
closed."""

import asyncio
import random
import socket
import ssl
import time

import kit

# The gateway's longest timeout before an admission is 15 seconds; the rest is for a busy machine.
# Longer than the broker waits for the rest of a packet: 1.5 times the keep-alive time.
LIMIT_SECONDS = 60
# What has answered, and then sends nothing, waits for a request.
QUIET_SECONDS = 2
ENDED = "every malformed connection is answered or closed"


def remaining_length(length):
    """As MQTT encodes it (section 2.2.3)."""
    data = bytearray()
    while True:
        length, digit = divmod(length, 128)
        data.append(digit | (0x80 if length else 0))
        if not length:
            return bytes(data)


def packet(first, body):
    return bytes([first]) + remaining_length(len(body)) + body


def text(value):
    return len(value).to_bytes(2) + value


def connect(password, client_id=b"ana/hostile", protocol=b"MQTT", level=4, flags=0xC2, keep_alive=30):
    properties = b"\x00" if level == 5 else b""
    header = text(protocol) + bytes([level, flags]) + keep_alive.to_bytes(2) + properties
    return packet(0x10, header + text(client_id) + text(b"app") + text(password))


def mutated(choices, data):
    """The bytes with some changes."""
    data = bytearray(data)
    for _ in range(choices.randint(1, 4)):
        index = choices.randrange(len(data))
        match choices.randrange(4):
            case 0:
                data[index] ^= 1 << choices.randrange(8)
            case 1:
                data[index] = choices.choice((0, 1, 0x7F, 0x80, 0xFF))
            case 2:
                del data[index:index + choices.randint(1, 8)]
            case _:
                data[index:index] = choices.randbytes(choices.randint(1, 8))
        if not data:
            return b"\x00"
    return bytes(data)


def head(line, *headers):
    return "\r\n".join([line, "Host: localhost", *headers, "", ""]).encode()


UPGRADE = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Protocol: mqtt",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")


def frame(choices, payload, first=0x82):
    """A masked WebSocket frame (RFC 6455, section 5.2)."""
    mask = choices.randbytes(4)
    length = len(payload)
    size = bytes([0x80 | length]) if length < 126 else bytes([0x80 | 126]) + length.to_bytes(2)
    return bytes([first]) + size + mask + bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))


def before_connect(choices, token):
    """What a client may send in the place of a valid CONNECT."""
    valid = connect(token.encode())
    return choices.choice([
        lambda: choices.randbytes(choices.randint(1, 300)),
        lambda: mutated(choices, valid),
        lambda: valid[:choices.randrange(1, len(valid))],
        lambda: packet(choices.randrange(256), choices.randbytes(choices.randint(0, 40))),
        lambda: bytes([0x10, 0xFF, 0xFF, 0xFF, 0xFF, 0x01]) + valid,
        lambda: bytes([0x10]) + remaining_length(200_000_000) + valid,
        lambda: connect(token.encode(), protocol=b"MQIsdp", level=3),
        lambda: connect(token.encode(), level=choices.choice((0, 6, 99))),
        lambda: connect(token.encode(), flags=choices.choice((0x01, 0xDA, 0xFF))),
        lambda: connect(token.encode(), client_id=b"\xff\xfe\x00"),
        lambda: connect(b"x" * 60_000),
        lambda: head("POST /topics/a HTTP/1.1", "Content-Length: 99999999999"),
        lambda: head(f"GET /{'a' * choices.choice((10, 20_000))} HTTP/1.1"),
        lambda: head("GET /mqtt HTTP/1.1", *UPGRADE) + frame(choices, mutated(choices, valid)),
        lambda: head("GET /mqtt HTTP/1.1", *UPGRADE) + frame(choices, valid, choices.choice((0x81, 0x80, 0xF2, 0x83))),
        lambda: head("GET /mqtt HTTP/1.1", *UPGRADE[:3]) + choices.randbytes(50),
        lambda: b"\x16\x03\x01" + choices.randbytes(40),
    ])()


def after_connect(choices):
    """What an admitted client may send."""
    return choices.choice([
        lambda: packet(0x30, text(b"acme/users/ana/#") + b"x"),
        lambda: packet(0x36, text(b"acme/users/ana/x") + b"\x00\x01x"),
        lambda: packet(0x32, text(b"acme/users/ana/x") + b"\x00\x00x"),
        lambda: packet(0x30, text(b"acme/\xff\xfe") + b"x"),
        lambda: packet(0x80, b"\x00\x01" + text(b"acme/users/ana/x") + b"\x01"),
        lambda: packet(0x82, b"\x00\x01"),
        lambda: packet(0x82, b"\x00\x01" + text(b"a/#/b") + b"\x01"),
        lambda: packet(0x82, b"\x00\x01" + text(b"acme/users/ana/x") + b"\x07"),
        lambda: packet(0x30, text(b"acme/users/ana/x") + b"x" * 140_000),
        lambda: packet(0xF0, b""),
        lambda: packet(0x00, b""),
        lambda: connect(b"again"),
        lambda: packet(0xC0, b"pings have no body"),
        lambda: choices.randbytes(choices.randint(5, 200)),
    ])()


def exchange(stand, choices, port, is_tls, first, later):
    """How a connection that sends these bytes ends."""
    deadline = time.monotonic() + LIMIT_SECONDS
    with socket.create_connection(("127.0.0.1", int(port)), timeout=LIMIT_SECONDS) as stream:
        if is_tls:
            tls = ssl.create_default_context(cafile=stand.gateway.authority)
            stream = tls.wrap_socket(stream, server_hostname="localhost")
        with stream:
            stream.sendall(first)
            if later:
                answer = stream.recv(4)
                if answer != kit.ACCEPTED:
                    return "not admitted"
                stream.sendall(later)
            is_answered = False
            while (left := deadline - time.monotonic()) > 0:
                stream.settimeout(QUIET_SECONDS if is_answered else left)
                try:
                    if not stream.recv(4096):
                        return "closed"
                    is_answered = True
                except TimeoutError:
                    break
            return "answered" if is_answered else "open"


async def send_malformed(stand, number, choices, pause, stop):
    """Malformed connections, one after another."""
    token = await stand.run(stand.token, "ana")
    while not stop.is_set():
        await stand.up.wait()
        gateway = stand.gateway
        port, is_tls = choices.choice([
            (gateway.port, False), (gateway.tls_port, True), (gateway.tls_port, False), (gateway.mqtts_port, False)])
        is_admitted = is_tls and choices.random() < 0.5
        client_id = f"ana/hostile-{number}".encode()
        first = connect(token.encode(), client_id) if is_admitted else before_connect(choices, token)
        later = after_connect(choices) if is_admitted else None
        # The choices of a thread are its own, so that those of the run do not depend on times.
        own, start = random.Random(choices.random()), time.monotonic()
        try:
            ended = await stand.run(exchange, stand, own, port, is_tls, first, later)
        except OSError as error:
            # A reset is an end, too.
            ended = "closed" if isinstance(error, (ConnectionError, ssl.SSLError)) else type(error).__name__
        stand.counts.add("malformed connections")
        stand.counts.add(f"malformed connections: {ended}")
        if ended not in ("closed", "answered", "not admitted") and not stand.disturbed(("gateway",), start):
            stand.counts.violation(ENDED, f"{ended} after {time.monotonic() - start:.0f} s: {(later or first)[:80]!r}")
        if ended == "not admitted" and not stand.disturbed(("gateway", "function"), start):
            stand.counts.violation(ENDED, f"a valid CONNECT before malformed packets is not admitted: {later[:40]!r}")
        await asyncio.sleep(choices.uniform(0, 2 * pause))
