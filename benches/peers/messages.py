"""Messages from one thread: packets are made beforehand and have one length, so received bytes are counted, not
parsed."""

import selectors
import ssl
import statistics
import time

from client import Effort, connect, packet, text

PAYLOAD_BYTES = 128
# Packet ids in turn. More than any window has on its way.
PACKET_IDS = 1000
# The longest wait for something to read.
POLL_SECONDS = 0.05


class Pair:
    """A publisher and a subscriber of one topic."""

    def __init__(self, endpoint, number, qos, window):
        self.qos, self.window = qos, window
        topic = f"{endpoint.topic}/{number}"
        self.subscriber = self.open(endpoint, f"{endpoint.client_id}s{number}")
        self.subscriber.sendall(packet(0x82, b"\0\1" + text(topic) + bytes([qos])))
        if (answer := self.subscriber.recv(5)) != b"\x90\x03\x00\x01" + bytes([qos]):
            raise SystemExit(f"FAILED: SUBACK {answer!r} at port {endpoint.port}")
        self.publisher = self.open(endpoint, f"{endpoint.client_id}p{number}")
        ids = [(number + 1).to_bytes(2, "big") if qos else b"" for number in range(PACKET_IDS)]
        packets = [packet(0x30 | qos << 1, text(topic) + packet_id + bytes(PAYLOAD_BYTES)) for packet_id in ids]
        self.length = len(packets[0])
        self.id_offset = self.length - PAYLOAD_BYTES - 2
        # Twice, so that a slice needs no turn.
        self.packets = memoryview(b"".join(packets * 2))
        self.next = self.received = self.sent = 0
        self.buffer = bytearray()
        self.latencies = []
        for stream in (self.subscriber, self.publisher):
            stream.setblocking(False)

    def open(self, endpoint, client_id):
        stream = connect(endpoint, client_id)
        if stream is None:
            raise SystemExit(f"FAILED: {client_id} was not accepted at port {endpoint.port}")
        return stream

    def fill(self):
        """Sends as many messages as the window has room for."""
        count = self.window - (self.sent - self.received)
        if count > 0:
            self.publisher.send(self.packets[self.next * self.length:(self.next + count) * self.length])
            self.next = (self.next + count) % PACKET_IDS
            self.sent += count

    def send_one(self):
        """Sends a message with the present time in its payload."""
        start = self.next * self.length
        made = bytearray(self.packets[start:start + self.length])
        made[-PAYLOAD_BYTES:-PAYLOAD_BYTES + 8] = time.perf_counter_ns().to_bytes(8, "big")
        self.publisher.send(made)
        self.next = (self.next + 1) % PACKET_IDS
        self.sent += 1

    def receive(self, is_timed):
        """Counts messages, and acknowledges them."""
        self.buffer += read(self.subscriber)
        count = len(self.buffer) // self.length
        if not count:
            return
        whole = bytes(self.buffer[:count * self.length])
        del self.buffer[:count * self.length]
        if set(whole[::self.length]) - {0x30 | self.qos << 1, 0x38 | self.qos << 1}:
            raise SystemExit("FAILED: received packets are not messages of this length")
        if self.qos:
            answer = bytearray(b"\x40\x02\x00\x00" * count)
            answer[2::4], answer[3::4] = whole[self.id_offset::self.length], whole[self.id_offset + 1::self.length]
            self.subscriber.send(answer)
        if is_timed:
            now, start = time.perf_counter_ns(), self.length - PAYLOAD_BYTES
            for offset in range(start, len(whole), self.length):
                self.latencies.append(now - int.from_bytes(whole[offset:offset + 8], "big"))
        self.received += count

    def close(self):
        for stream in (self.subscriber, self.publisher):
            stream.close()


def read(stream):
    """All bytes that have arrived."""
    parts = []
    while True:
        try:
            part = stream.recv(65536)
        except ssl.SSLWantReadError:
            return b"".join(parts)
        if not part:
            raise SystemExit("FAILED: the server closed a connection")
        parts.append(part)


class Messages:
    """Pairs of clients. With `rate` they send so many messages a second in all, else as many as are received, with at
    most `window` of each pair on their way."""

    def __init__(self, endpoint, qos, pairs, window, rate=None):
        self.rate = rate
        self.pairs = [Pair(endpoint, number, qos, window) for number in range(pairs)]
        # `select` waits in microseconds, epoll in milliseconds.
        self.selector = selectors.SelectSelector()
        for pair in self.pairs:
            self.selector.register(pair.subscriber, selectors.EVENT_READ, pair)
            self.selector.register(pair.publisher, selectors.EVENT_READ)

    def run(self, seconds):
        """The number of messages received, the effort, and the median latency in milliseconds if there is a rate."""
        before, cpu, start = sum(pair.received for pair in self.pairs), time.process_time(), time.perf_counter()
        for pair in self.pairs:
            pair.latencies.clear()
        due = sent = 0
        while (now := time.perf_counter() - start) < seconds:
            if self.rate:
                while sent <= now * self.rate:
                    self.pairs[sent % len(self.pairs)].send_one()
                    sent += 1
                due = sent / self.rate - (time.perf_counter() - start)
            else:
                for pair in self.pairs:
                    pair.fill()
            for key, _ in self.selector.select(max(due, 0) if self.rate else POLL_SECONDS):
                if key.data:
                    key.data.receive(bool(self.rate))
                else:
                    read(key.fileobj)
        taken = time.perf_counter() - start
        count = sum(pair.received for pair in self.pairs) - before
        latencies = [latency for pair in self.pairs for latency in pair.latencies]
        median = statistics.median(latencies) / 1e6 if latencies else None
        return count, Effort(taken, (time.process_time() - cpu) / taken), median

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.selector.close()
        for pair in self.pairs:
            pair.close()
