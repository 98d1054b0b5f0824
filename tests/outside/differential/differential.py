"""The authorizer beside another verifier: PyJWT over OpenSSL has to accept every token that the authorizer accepts.

Thousands of nearly valid tokens, then events that are not events at all, through the release `bootstrap` behind a
Runtime API, in one process from first to last. `./test differential` runs it with a fixed seed; `differential.py
SEED` repeats the choices of a run.
"""

import collections
import hashlib
import json
import pathlib
import random
import re
import sys
import tempfile
import time

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import OKPAlgorithm

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import events
import mutants
from lib.checks import check_none, finish
from lib.function import Function, build
from lib.keys import Key, from_base64url
from lib.paths import ROOT

DEFAULT_SEED = 1
ROUNDS = 7
# The length of a part of a secret that the log must not contain.
WINDOW_CHARACTERS = 16
MEMBERS = {"isAuthenticated", "principalId", "disconnectAfterInSeconds", "refreshAfterInSeconds", "policyDocuments"}
POLICY = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "iot:Connect", "Resource": "client/${mqtt:client_id}"},
    {"Effect": "Allow", "Action": "iot:Publish", "Resource": "topic/${tenant}/users/${sub}/*"},
]}
SHOWN_ERRORS = 5


def check(title, errors):
    check_none(title, errors, SHOWN_ERRORS)


def deploy(folder, issuers):
    config = ['[claims]\nsub = "sub"\ntenant = "tenant"\n']
    for name, keys in issuers.items():
        id = name.split("/")[2].split(".")[0]
        algorithms = sorted({algorithm for key in keys for algorithm in key.algorithms})
        config.append(f'[[issuer]]\nid = "{id}"\nissuer = "{name}"\naudience = ["{mutants.AUDIENCE}"]\n'
                      f'algorithms = {json.dumps(algorithms)}\n'
                      f'keys = ["file:keys/{id}.jwks.json"]\nclient_ids = ["${{sub}}"]\n\n[[grant]]\npolicy = "app"\nissuer = "{id}"\n')
        write(folder / f"keys/{id}.jwks.json", {"keys": [key.jwk() for key in keys]})
    write(folder / "policies/app.json", POLICY)
    (folder / "authorizer.toml").write_text("\n".join(config))


def write(path, value):
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value))


# RFC 9864's name for `EdDSA` with Ed25519 keys. PyJWT only has the older name.
jwt.register_algorithm("Ed25519", OKPAlgorithm())


def reference(issuers, text):
    """The claims, if PyJWT accepts the token under the issuer that it names; else `None`."""
    try:
        kid = jwt.get_unverified_header(text).get("kid")
        issuer = jwt.decode(text, options={"verify_signature": False})["iss"]
        keys = issuers[issuer]
        keys = [key for key in keys if key.kid and key.kid == kid] or [key for key in keys if kid is None or key.kid is None]
    except Exception:
        return None
    for key in keys:
        algorithms = key.algorithms + ["Ed25519"] * ("EdDSA" in key.algorithms)
        try:
            return jwt.decode(text, key.public, algorithms=algorithms, audience=mutants.AUDIENCE, issuer=issuer, leeway=30,
                              options={"require": ["exp", "aud", "iss", "sub"]})
        # Any exception is a refusal. If the authorizer accepts the token, the caller reports it.
        except Exception:
            continue
    return None


def invalid(response):
    """Why AWS IoT would reject a response, or `None`."""
    if not isinstance(response, dict) or set(response) != MEMBERS or not isinstance(response["isAuthenticated"], bool):
        return f"not the five members: {response}"
    seconds = [response["disconnectAfterInSeconds"], response["refreshAfterInSeconds"]]
    if not all(type(value) is int and 300 <= value <= 86400 for value in seconds):
        return f"seconds: {seconds}"
    if not re.fullmatch("[A-Za-z0-9]{1,128}", response["principalId"]):
        return f"principal: {response['principalId']}"
    documents = response["policyDocuments"]
    if not all(isinstance(document, dict) and len(json.dumps(document, separators=(",", ":"))) <= 2048 for document in documents):
        return f"documents: {documents}"
    if not (1 <= len(documents) <= 10 if response["isAuthenticated"] else documents == []):
        return f"{len(documents)} documents"
    return None


def differs(response, claims):
    """How a response differs from the one that the claims require, as PyJWT read them; or `None`."""
    principal = hashlib.sha256(f"{len(claims['iss'])}:{claims['iss']}{claims['sub']}".encode()).hexdigest()
    resources = re.findall(r"arn:aws:iot:eu-west-1:123456789012:([^\"]+)", json.dumps(response["policyDocuments"]))
    expected = [f"client/{claims['sub']}", f"topic/{claims['tenant']}/users/{claims['sub']}/*"]
    return None if (response["principalId"], sorted(resources)) == (principal, expected) else f"{principal}, {expected}: {response}"


def subject(text, default):
    """The client id that an attacker would use: the subject of the token. Any other would be denied for itself."""
    try:
        return str(json.loads(from_base64url(text.split(".")[1]))["sub"])
    except (ValueError, IndexError, KeyError, TypeError):
        return default


class Run:
    """One deployment, its authorizer, and what was sent to it."""

    def __init__(self, seed, folder):
        self.random = random.Random(seed)
        self.issuers = mutants.issuers()
        self.marker = f"marker{self.random.randrange(10**20):020}"
        deploy(folder, self.issuers)
        self.function = Function(build(), folder)
        self.secrets, self.invalid, self.errors = [self.marker], [], collections.defaultdict(list)
        self.counts, self.accepted, self.stricter = collections.Counter(), collections.Counter(), {}

    def minted(self):
        """A valid token for every key with each of its algorithms."""
        return [mutants.mint(self.random, issuer, key, algorithm, self.marker)
                for issuer, keys in self.issuers.items() for key in keys for algorithm in key.algorithms]

    def invoke(self, event):
        response = self.function.invoke(event)
        if error := invalid(response):
            self.invalid.append(error)
            return {"isAuthenticated": None}
        return response

    def present(self, text, default, place=None, choices=None):
        """The response to a token in a place, and the claims that PyJWT reads from what arrives there."""
        choices = choices or self.random
        place = events.place_for(text, place or choices.choice(events.PLACES))
        password = f"password{choices.randrange(10**20):020}"
        self.secrets += [text, events.b64(text), password, events.b64(password)]
        received = events.received(text, place)
        response = self.invoke(events.event(choices, text, subject(received, default), password, place))
        return response, reference(self.issuers, received)

    def expect_accepted(self, title, header, text, place):
        response, claims = self.present(text, "", place)
        if not response["isAuthenticated"] or not claims or differs(response, claims):
            self.errors[title].append(f"{header} in {place}: {response}, PyJWT: {claims}")

    def valid(self):
        """Every valid token in every place. Without these an authorizer that denies everything would pass."""
        for token in self.minted():
            for place in events.PLACES:
                self.expect_accepted("valid", token.header, token.text, place)

    def blanks(self):
        """Valid tokens with a blank where the authorizer trims it: around the token, and in `gateway` before the
        signature."""
        for blank in events.BLANKS:
            token = self.random.choice(self.minted())
            head, _, signature = token.text.rpartition(".")
            for place in (place for place in events.PLACES if place != "gateway"):
                self.expect_accepted("blanks", token.header, f"{blank}{token.text}{blank}", place)
            self.expect_accepted("blanks", token.header, f"{blank}{head}{blank}.{signature}", "gateway")

    def forge(self, attacker):
        tokens = self.minted()
        for token in tokens:
            other = self.random.choice([other for other in tokens if other is not token])
            # Choices of their own for each token and each mutant: signatures do not follow the seed, and decide which
            # mutants differ from their token. No other choice may depend on that.
            choices = random.Random(self.random.getrandbits(64))
            for title, text in mutants.mutants(choices, token, other, attacker, self.issuers[token.payload["iss"]]):
                own_choices = random.Random(choices.getrandbits(64))
                if text == token.text:
                    continue
                self.counts[title] += 1
                response, claims = self.present(text, token.payload["sub"], choices=own_choices)
                if response["isAuthenticated"]:
                    self.accepted[title] += 1
                    error = "PyJWT rejects it" if claims is None else differs(response, claims)
                    if error:
                        self.errors[title].append(f"{token.algorithm}, {error}\n    {text!r}")
                elif claims is not None:
                    self.stricter[str(self.function.invocations)] = title, token.algorithm

    def hostile(self):
        """Titles and seconds of the hostile events. Their strings are not secret, but must not be in the log either."""
        token = self.minted()[0]
        password = "password of the hostile"
        good, forged = (events.event(self.random, text, token.payload["sub"], password, "token")
                        for text in (token.text, token.text[:-40] + "A" * 40))
        self.secrets += [token.text, password, events.b64(password), *("A" * 40, "x" * 40, "&" * 40, "%" * 40, "." * 40, "=" * 40)]
        for title, body in events.hostile(self.random, good, forged):
            start = time.monotonic()
            response = self.invoke(body)
            yield title, time.monotonic() - start
            if response["isAuthenticated"] is not False:
                self.errors["hostile"].append(f"{title}: {response}")
        for token in self.minted():
            if not self.present(token.text, "")[0]["isAuthenticated"]:
                self.errors["after"].append(f"{token.header}")


def leaks(lines, secrets):
    """The secrets of which a line contains a part of 16 characters or more."""
    def windows(text):
        return {text[start:start + WINDOW_CHARACTERS] for start in range(len(text) - WINDOW_CHARACTERS + 1)}
    # Lines that differ only in what the sandbox counts are searched once.
    lines = {re.sub(r'"(request_id":"|duration_us":)\d+', "", line) for line in lines}
    written = set().union(*map(windows, lines))
    return [secret[:40] for secret in secrets for part in secret.split(".") if not written.isdisjoint(windows(part))]


def check_log(run):
    out, err = run.function.written()
    lines = out.splitlines()
    unreadable, codes = [], {}
    for line in lines:
        try:
            entry = json.loads(line)
            codes[entry["request_id"]] = entry.get("code")
            if entry["decision"] not in ("allow", "deny"):
                unreadable.append(line[:200])
        except (ValueError, KeyError, TypeError):
            unreadable.append(line[:200])
    missing = [] if len(lines) == run.function.invocations else ["not one line for each event"]
    check(f"{len(lines):,} log lines are JSON with a decision, one for each event", unreadable + missing)
    everything = lines + err.splitlines()
    check(f"no part of {len(run.secrets):,} tokens and passwords is in them", leaks(everything, run.secrets))
    planted = run.secrets[len(run.secrets) // 2]
    check("a planted part of one is found", [] if leaks([*everything, f"x{planted.split('.')[0][:WINDOW_CHARACTERS]}x"], [planted]) else ["not found"])
    # Where PyJWT accepts a token and the authorizer does not, the reason must be the token's form or another rule: both
    # have to agree on signatures. One exception: RFC 8017, section 8.1.2, requires PSS signatures of full length, and
    # OpenSSL accepts those that begin with a zero byte without it.
    reasons = collections.Counter((codes.get(request), title) for request, (title, algorithm) in run.stricter.items()
                                  if not (title == "signature: the first byte gone" and algorithm.startswith("PS")))
    check(f"where PyJWT accepts and the authorizer denies ({sum(reasons.values())}), the reason is not the signature",
          [f"{title}: {code}" for code, title in reasons if code in (None, "bad_signature", "unsupported_algorithm")])
    for (code, title), count in sorted(reasons.items(), key=str):
        print(f"    {code}: {title} ({count})")


def main():
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_SEED
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory(dir=ROOT / "target") as folder:
        run = Run(seed, pathlib.Path(folder))
        try:
            judge(run)
        finally:
            run.function.end()
    finish()


def judge(run):
    start = time.monotonic()
    run.valid()
    check("every valid token, in every place, is accepted by both", run.errors["valid"])
    run.blanks()
    check("blanks around what a place contains are trimmed, also before a signature of its own", run.errors["blanks"])
    attacker = Key(ec.generate_private_key(ec.SECP256R1()), "es256", ["ES256"])
    for _ in range(ROUNDS):
        run.forge(attacker)
    for title, count in run.counts.items():
        check(f"{title} ({count}, of which {run.accepted[title]} are valid)", run.errors[title])
    check(f"{sum(run.counts.values()):,} mutants, at least 5,000", [] if sum(run.counts.values()) >= 5000 else ["too few"])
    negated = "signature: s negated"
    check("s negated is valid, and accepted", [] if run.accepted[negated] == run.counts[negated] > 0 else ["denied"])
    print(f"tokens: {time.monotonic() - start:.0f} s", flush=True)
    start = time.monotonic()
    times = list(run.hostile())
    check(f"{len(times)} hostile events are denied", run.errors["hostile"])
    title, slowest = max(times, key=lambda pair: pair[1])
    print(f"the slowest took {slowest * 1000:.0f} ms: {title}; all {time.monotonic() - start:.0f} s")
    check("the same process still accepts valid tokens", run.errors["after"])
    check(f"every response is valid for AWS IoT ({run.function.invocations:,})", run.invalid)
    check("no function error", [f"{run.function.errors}"] if run.function.errors else [])
    check_log(run)


main()
