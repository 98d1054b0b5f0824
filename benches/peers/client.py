"""MQTT clients that connect to a server over TLS, each with a whole handshake, in processes of their own, so that
several cores can make them."""

import dataclasses
import multiprocessing
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor

TIMEOUT_SECONDS = 60
CONNECTS_AT_ONCE = 8
KEEP_ALIVE_SECONDS = 600
# Before the third connect of a device, whose function may still run. Doubles each time, up to the maximum.
RETRY_SECONDS, MAX_RETRY_SECONDS = 0.05, 1
MAX_TRIES = 300
ACCEPTED = b"\x20\x02\x00\x00"
# Between two looks at a server that is loaded.
POLL_SECONDS = 0.05


@dataclasses.dataclass(frozen=True)
class Endpoint:
    """A port, and what clients present there. Client ids begin with `client_id`, topics with `topic`."""

    port: int
    tls: ssl.SSLContext
    client_id: str
    topic: str
    user: str | None = None
    password: str | None = None


@dataclasses.dataclass(frozen=True)
class Effort:
    """What the clients themselves took. A rate at which they took all of their cores is theirs, not the server's."""

    seconds: float
    cpu_share: float


def text(value):
    return len(value.encode()).to_bytes(2, "big") + value.encode()


def packet(first, body):
    length, rest = b"", len(body)
    while True:
        length += bytes([rest % 128 | (128 if rest > 127 else 0)])
        rest //= 128
        if not rest:
            return bytes([first]) + length + body


def connect_packet(client_id, user=None, password=None):
    """A CONNECT of MQTT 3.1.1 with a clean session (section 3.1)."""
    flags = 2 | (128 if user else 0) | (64 if password else 0)
    credentials = b"".join(text(value) for value in (user, password) if value)
    head = text("MQTT") + bytes([4, flags]) + KEEP_ALIVE_SECONDS.to_bytes(2, "big")
    return packet(0x10, head + text(client_id) + credentials)


def connect(endpoint, client_id, tls=None):
    """An open connection; `None` if the server closes it, as at a first connect."""
    plain = socket.create_connection(("127.0.0.1", endpoint.port), timeout=TIMEOUT_SECONDS)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        stream = (tls or endpoint.tls).wrap_socket(plain, server_hostname="localhost")
    except (ConnectionError, ssl.SSLError):
        plain.close()
        return None
    try:
        stream.sendall(connect_packet(client_id, endpoint.user, endpoint.password))
        answer = stream.recv(4)
    except (ConnectionError, ssl.SSLError):
        answer = b""
    if answer == ACCEPTED:
        return stream
    stream.close()
    return None


class Load:
    """Processes that do shares of one task, and hold what they have opened until `with` ends.

    `task(share)` prepares and returns a function, which does the work and returns its result and what to hold.
    """

    def __init__(self, processes, task, items):
        fork = multiprocessing.get_context("fork")
        self.pipes, self.processes = [], []
        for number in range(processes):
            pipe, other = fork.Pipe()
            process = fork.Process(target=serve, args=(other, task, items[number::processes]), daemon=True)
            process.start()
            other.close()
            self.pipes.append(pipe)
            self.processes.append(process)
        for pipe in self.pipes:
            pipe.recv()

    def run(self, watch=lambda: None):
        """The results of all shares, and the clients' effort. Calls `watch` again and again meanwhile."""
        start = time.perf_counter()
        for pipe in self.pipes:
            pipe.send(None)
        while not all(pipe.poll(POLL_SECONDS) for pipe in self.pipes):
            watch()
        try:
            answers = [pipe.recv() for pipe in self.pipes]
        except EOFError:
            raise SystemExit("FAILED: a client process ended") from None
        seconds = max(end for _, _, end in answers) - start
        cpu = sum(cpu for _, cpu, _ in answers)
        all_results = [result for results, _, _ in answers for result in results]
        return all_results, Effort(seconds, cpu / seconds / len(answers))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.join()


def serve(pipe, task, share):
    """A client process."""
    work = task(share)
    pipe.send(None)
    pipe.recv()
    before = time.process_time()
    results, _held = work()
    pipe.send((results, time.process_time() - before, time.perf_counter()))
    # The parent kills this process, which closes the connections.
    pipe.recv()


def several_at_once(one, items):
    """The work of a share: `one` for each item, which returns a result and what to hold."""

    def work():
        with ThreadPoolExecutor(CONNECTS_AT_ONCE) as pool:
            results, held = zip(*pool.map(one, items))
        return results, held

    return work


def connects(endpoint):
    """A task: numbers become connections. Its results are the seconds of each connect."""

    def prepare(numbers):
        def one(number):
            start = time.perf_counter()
            stream = connect(endpoint, f"{endpoint.client_id}{number}")
            if stream is None:
                raise SystemExit(f"FAILED: client {number} was not accepted at port {endpoint.port}")
            return time.perf_counter() - start, stream

        return several_at_once(one, numbers)

    return prepare


def first_connects(endpoint, authority):
    """A task: devices, which are pairs of a name and a file, connect until they are accepted. Its results are numbers
    of connects."""

    def prepare(devices):
        contexts = [(name, client_tls(authority, file)) for name, file in devices]

        def one(device):
            name, tls = device
            for number in range(1, MAX_TRIES + 1):
                if stream := connect(endpoint, name, tls):
                    return number, stream
                # The second connect needs no pause: a template has provisioned before the first is closed.
                if number > 1:
                    time.sleep(min(RETRY_SECONDS * 2 ** (number - 2), MAX_RETRY_SECONDS))
            raise SystemExit(f"FAILED: {name} was not accepted in {MAX_TRIES} connects")

        return several_at_once(one, contexts)

    return prepare


def client_tls(authority, certificate=None, protocol=None):
    """TLS of a client. `certificate` is a file with certificate, chain and key."""
    tls = ssl.create_default_context(cafile=authority)
    if certificate:
        tls.load_cert_chain(certificate)
    if protocol:
        tls.set_alpn_protocols([protocol])
    return tls
