"""Ports for servers that tests start."""

import contextlib
import random
import socket


def free_ports(count):
    """Free ports below those that the system gives to clients, which could be taken before a server listens there."""
    found, candidates = [], random.SystemRandom().sample(range(10_000, 32_000), 200)
    while len(found) < count:
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.bind(("127.0.0.1", port := candidates.pop()))
            found.append(port)
    return found
