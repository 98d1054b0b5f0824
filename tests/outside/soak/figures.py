"""What a run counts: broken promises, connects and their answers, and the memory and descriptors of the gateway."""

import collections
import os
import pathlib
import statistics

MIB = 1024 * 1024
# Of a life of the gateway, the share that is its warm-up.
WARM_UP = 0.25
# Below so many samples a slope has no meaning.
MIN_SAMPLES = 40
# What memory may grow by between the first and the last third after the warm-up.
TOLERATED_SHARE, TOLERATED_MIB = 0.10, 8
# What descriptors without clients may differ by between the start and the end.
TOLERATED_DESCRIPTORS = 16
# A report has no more examples of one broken promise.
MAX_EXAMPLES = 10


class Counts:
    """Counts by name, and the broken promises with examples."""

    def __init__(self, is_shown=True):
        self.is_shown = is_shown
        self.connects = collections.defaultdict(collections.Counter)
        self.numbers = collections.Counter()
        self.broken = collections.defaultdict(list)

    def add(self, name, number=1):
        self.numbers[name] += number

    def connect(self, kind, answer):
        self.connects[kind][answer] += 1

    def violation(self, promise, detail):
        self.broken[promise].append(detail)
        if self.is_shown and len(self.broken[promise]) <= MAX_EXAMPLES:
            print(f"BROKEN {promise}: {detail}", flush=True)


class Sample:
    """One look at a process: seconds since its start, memory in MiB, descriptors, and connected clients."""

    def __init__(self, pid, seconds, clients):
        folder = pathlib.Path(f"/proc/{pid}")
        pages = int((folder / "statm").read_text().split()[1])
        self.seconds, self.clients = seconds, clients
        self.memory, self.descriptors = pages * os.sysconf("SC_PAGE_SIZE") / MIB, len(os.listdir(folder / "fd"))


def slope_by_hour(samples, name):
    """The slope of a straight line through the samples, by hour."""
    if len(samples) < 2 or samples[0].seconds == samples[-1].seconds:
        return 0.0
    times, values = ([getattr(sample, each) for sample in samples] for each in ("seconds", name))
    return statistics.linear_regression(times, values).slope * 3600


def warm(samples):
    """The samples after the warm-up."""
    return samples[int(len(samples) * WARM_UP):]


def by_client(samples):
    """The descriptors of one connected client: the slope of a straight line through the samples."""
    clients = [sample.clients for sample in samples]
    if len(set(clients)) < 2:
        return 0.0
    return statistics.linear_regression(clients, [sample.descriptors for sample in samples]).slope


def growth_errors(samples):
    """Why the memory of a life of the gateway is not flat after its warm-up; empty for a life that is too short."""
    kept = warm(samples)
    if len(kept) < MIN_SAMPLES:
        return []
    thirds = (kept[:len(kept) // 3], kept[-(len(kept) // 3):])
    errors = []
    before, after = (statistics.median(sample.memory for sample in third) for third in thirds)
    if after > before * (1 + TOLERATED_SHARE) and after > before + TOLERATED_MIB:
        errors.append(f"memory: {before:.1f} MiB in the first third, {after:.1f} MiB in the last")
    # Descriptors follow the clients that are connected, with several for each: what is left must not grow.
    each = by_client(kept)
    beyond = ([sample.descriptors - each * sample.clients for sample in third] for third in thirds)
    before, after = map(statistics.median, beyond)
    if after > before + TOLERATED_DESCRIPTORS:
        errors.append(f"descriptors beyond clients: {before:.0f} in the first third, {after:.0f} in the last")
    return errors


def table_of_life(samples):
    """Rows of a life of the gateway: first sample, median and last after the warm-up, slope by hour."""
    kept = warm(samples)
    for title, name in (("memory, MiB", "memory"), ("descriptors", "descriptors"), ("connected clients", "clients")):
        values, slope = [getattr(sample, name) for sample in kept], slope_by_hour(kept, name)
        yield title, getattr(samples[0], name), statistics.median(values), max(values), values[-1], slope
