"""The ledger of acknowledged changes. Each object of the registry has one writer at a time, so the ledger knows what a
read must find: the acknowledged value, or one that an unanswered change may have made, and never another one."""

import asyncio
import time

LOST, HALF, UNANSWERED, REJECTED = (
    "no acknowledged change is lost", "no change is made in half", "every change is answered",
    "no valid change is rejected")


class Cut(Exception):
    """The connection ended before the answer."""


class Ledger:
    """What is acknowledged by key, and the values that an unanswered change of a key may have made. A key is a kind of
    `facts.READERS` and the names of the object."""

    def __init__(self, stand):
        self.stand, self.acknowledged, self.pending = stand, {}, {}

    def value(self, key):
        return self.acknowledged.get(key)

    def forget(self, key):
        """Ends the check of an object that is gone."""
        self.acknowledged.pop(key, None)

    async def change(self, key, value, call, steps=()):
        """Makes a change that results in `value`, or in one of `steps` if it is not answered. Returns the answer;
        raises `Cut` without one. The caller is in an operation of the stand."""
        counts, start = self.stand.counts, time.monotonic()
        self.pending[key] = [value, *steps]
        try:
            answer = await call()
        except Cut as error:
            counts.add("changes without an answer")
            if not self.stand.disturbed(("gateway",), start):
                counts.violation(UNANSWERED, f"{key}: {error}")
            raise
        except Exception as error:
            counts.violation(REJECTED, f"{key} to {value}: {error!r}")
            raise Cut(str(error)) from error
        self.acknowledged[key] = value
        del self.pending[key]
        counts.add("changes acknowledged")
        counts.add(f"changes acknowledged: {key[0]}")
        return answer

    async def check(self, read):
        """Reads every object. The value of one with an unanswered change is then known. No change may be under way."""
        keys = list(self.acknowledged.keys() | self.pending.keys())
        for key, found in zip(keys, await asyncio.gather(*(read(key) for key in keys))):
            self.judge(key, found)
        self.stand.counts.add("changes checked", len(keys))

    def judge(self, key, found):
        counts, expected, possible = self.stand.counts, self.acknowledged.get(key), self.pending.pop(key, None)
        if found == expected:
            if possible is not None:
                counts.add("unanswered changes not made")
        elif possible is not None and found in possible:
            counts.add("unanswered changes made")
            self.acknowledged[key] = found
        else:
            promise = HALF if possible is not None else LOST
            counts.violation(promise, f"{key}: {found}; acknowledged {expected}, unanswered {possible}")
            # Known from now on, so that one loss is counted once.
            self.acknowledged[key] = found
