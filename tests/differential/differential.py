"""The function against another verifier: whatever it lets in, PyJWT over OpenSSL has to accept too.

Thousands of tokens that are nearly right, then events that are not events at all, through the release `bootstrap` behind a Runtime API,
in one process from first to last. Run by ./test; `differential.py [SEED]` repeats a run's choices. Prints one line for each check, and exits 1
if any failed.
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

import events
import mutants
from function import Function, build

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROUNDS = 7
WINDOW = 16
SHAPE = {"isAuthenticated", "principalId", "disconnectAfterInSeconds", "refreshAfterInSeconds", "policyDocuments"}
POLICY = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "iot:Connect", "Resource": "client/${mqtt:client_id}"},
    {"Effect": "Allow", "Action": "iot:Publish", "Resource": "topic/${tenant}/users/${sub}/*"},
]}
passed, failed = [], []


def check(title, faults):
    """`faults` is a list of what went wrong; a few of them are told."""
    (failed if faults else passed).append(title)
    print(f"{'FAILED' if faults else 'ok'}: {title}" + "".join(f"\n    {fault}" for fault in faults[:5]), flush=True)


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


# RFC 9864's name for what Ed25519 keys do under `EdDSA`; PyJWT knows the older one alone.
jwt.register_algorithm("Ed25519", OKPAlgorithm())


def reference(issuers, text):
    """The claims, if PyJWT accepts the token under the issuer that it names, else `None`."""
    # White space around a token belongs to the place where it stands, and so does the scheme's name.
    text = re.sub(r"\A[ \t\n\f\r]*(?:bearer[ \t]+)?|[ \t\n\f\r]+\Z", "", text, flags=re.I)
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
        # Whatever it stumbles over, it has not accepted; should the function accept it, that is told below.
        except Exception:
            continue
    return None


def illegal(answer):
    """What AWS IoT would not take about an answer, or `None`."""
    if not isinstance(answer, dict) or set(answer) != SHAPE or not isinstance(answer["isAuthenticated"], bool):
        return f"not the five members: {answer}"
    seconds = [answer["disconnectAfterInSeconds"], answer["refreshAfterInSeconds"]]
    if not all(type(value) is int and 300 <= value <= 86400 for value in seconds):
        return f"seconds: {seconds}"
    if not re.fullmatch("[A-Za-z0-9]{1,128}", answer["principalId"]):
        return f"principal: {answer['principalId']}"
    documents = answer["policyDocuments"]
    if not all(isinstance(document, dict) and len(json.dumps(document, separators=(",", ":"))) <= 2048 for document in documents):
        return f"documents: {documents}"
    if not (1 <= len(documents) <= 10 if answer["isAuthenticated"] else documents == []):
        return f"{len(documents)} documents"
    return None


def unlike(answer, claims):
    """How an answer differs from what the claims call for that PyJWT read, or `None`."""
    principal = hashlib.sha256(f"{len(claims['iss'])}:{claims['iss']}{claims['sub']}".encode()).hexdigest()
    resources = re.findall(r"arn:aws:iot:eu-west-1:123456789012:([^\"]+)", json.dumps(answer["policyDocuments"]))
    expected = [f"client/{claims['sub']}", f"topic/{claims['tenant']}/users/{claims['sub']}/*"]
    return None if (answer["principalId"], sorted(resources)) == (principal, expected) else f"{principal}, {expected}: {answer}"


def subject(text, default):
    """The client id that a thief would use: the subject that the token names. Another one would be refused for that alone."""
    try:
        return str(json.loads(mutants.unb64(text.split(".")[1]))["sub"])
    except (ValueError, IndexError, KeyError, TypeError):
        return default


class Run:
    """One deployment, its function, and what was sent to it."""

    def __init__(self, seed, folder):
        self.random = random.Random(seed)
        self.issuers = mutants.issuers()
        self.marker = f"marker{self.random.randrange(10**20):020}"
        deploy(folder, self.issuers)
        self.function = Function(build(ROOT), folder)
        self.secrets, self.illegal, self.faults = [self.marker], [], collections.defaultdict(list)
        self.counts, self.accepted, self.stricter = collections.Counter(), collections.Counter(), {}

    def minted(self):
        """A good token for every key with every algorithm that it serves."""
        return [mutants.mint(self.random, issuer, key, algorithm, self.marker)
                for issuer, keys in self.issuers.items() for key in keys for algorithm in key.algorithms]

    def ask(self, event):
        answer = self.function.ask(event)
        if fault := illegal(answer):
            self.illegal.append(fault)
            return {"isAuthenticated": None}
        return answer

    def present(self, text, default, place=None):
        password = f"password{self.random.randrange(10**20):020}"
        self.secrets += [text, events.b64(text), password, events.b64(password)]
        return self.ask(events.event(self.random, text, subject(text, default), password, place))

    def good(self):
        """Every sound token, in every place. Without these a function that refuses everything would pass."""
        for token in self.minted():
            for place in events.PLACES:
                answer, claims = self.present(token.text, "", place), reference(self.issuers, token.text)
                if not answer["isAuthenticated"] or not claims or unlike(answer, claims):
                    self.faults["good"].append(f"{token.header} in {place}: {answer}, PyJWT: {claims}")

    def forge(self, attacker):
        tokens = self.minted()
        for token in tokens:
            other = self.random.choice([other for other in tokens if other is not token])
            for title, text in mutants.mutants(self.random, token, other, attacker, self.issuers[token.payload["iss"]]):
                if text == token.text:
                    continue
                self.counts[title] += 1
                answer, claims = self.present(text, token.payload["sub"]), reference(self.issuers, text)
                if answer["isAuthenticated"]:
                    self.accepted[title] += 1
                    fault = "PyJWT refuses it" if claims is None else unlike(answer, claims)
                    if fault:
                        self.faults[title].append(f"{token.algorithm}, {fault}\n    {text}")
                elif claims is not None:
                    self.stricter[str(self.function.asked)] = title, token.algorithm

    def hostile(self):
        """Titles and seconds of the events that are none. The strings in them are no secrets, but have no place in a log either."""
        token = self.minted()[0]
        password = "password of the hostile"
        good, forged = (events.event(self.random, text, token.payload["sub"], password, "token")
                        for text in (token.text, token.text[:-40] + "A" * 40))
        self.secrets += [token.text, password, events.b64(password), *("A" * 40, "x" * 40, "&" * 40, "%" * 40, "." * 40, "=" * 40)]
        for title, body in events.hostile(self.random, good, forged):
            start = time.monotonic()
            answer = self.ask(body)
            yield title, time.monotonic() - start
            if answer["isAuthenticated"] is not False:
                self.faults["hostile"].append(f"{title}: {answer}")
        for token in self.minted():
            if not self.present(token.text, "")["isAuthenticated"]:
                self.faults["after"].append(f"{token.header}")


def leaks(lines, secrets):
    """Parts of secrets, of 16 characters and more, that stand in any line."""
    def windows(text):
        return {text[at:at + WINDOW] for at in range(len(text) - WINDOW + 1)}
    # Lines that differ by what the sandbox counts are one.
    lines = {re.sub(r'"(request_id":"|duration_us":)\d+', "", line) for line in lines}
    written = set().union(*map(windows, lines))
    return [secret[:40] for secret in secrets for part in secret.split(".") if not written.isdisjoint(windows(part))]


def log(run):
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
    missing = [] if len(lines) == run.function.asked else ["not one each"]
    check(f"{len(lines):,} log lines are JSON with a decision, one for each event", unreadable + missing)
    everything = lines + err.splitlines()
    check(f"no part of {len(run.secrets):,} tokens and passwords is in them", leaks(everything, run.secrets))
    planted = run.secrets[len(run.secrets) // 2]
    check("a part of one would have been found", [] if leaks([*everything, f"x{planted.split('.')[0][:WINDOW]}x"], [planted]) else ["it was not"])
    # What PyJWT takes and the function does not has to be wrong in form or by another rule: about signatures the two are to agree. But for
    # one: RFC 8017, section 8.1.2, wants PSS signatures at full length, and OpenSSL takes those that begin with a zero byte without it.
    reasons = collections.Counter((codes.get(request), title) for request, (title, algorithm) in run.stricter.items()
                                  if not (title == "signature: the first byte gone" and algorithm.startswith("PS")))
    check(f"where PyJWT is content and the function is not ({sum(reasons.values())}), it is not over a signature",
          [f"{title}: {code}" for code, title in reasons if code in (None, "bad_signature", "unsupported_algorithm")])
    for (code, title), count in sorted(reasons.items(), key=str):
        print(f"    {code}: {title} ({count})")


def main():
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else random.SystemRandom().randrange(10**9)
    print(f"seed {seed}", flush=True)
    (ROOT / "target").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT / "target") as folder:
        run = Run(seed, pathlib.Path(folder))
        try:
            judge(run)
        finally:
            run.function.end()
    print(f"{len(passed)} passed, {len(failed)} failed, 0 skipped")
    sys.exit(bool(failed))


def judge(run):
    start = time.monotonic()
    run.good()
    check("every sound token, in every place, is taken by both", run.faults["good"])
    attacker = mutants.Key(ec.generate_private_key(ec.SECP256R1()), "es256", ["ES256"])
    for _ in range(ROUNDS):
        run.forge(attacker)
    for title, count in run.counts.items():
        check(f"{title} ({count}, of which {run.accepted[title]} were sound)", run.faults[title])
    check(f"{sum(run.counts.values()):,} mutants are enough", [] if sum(run.counts.values()) >= 5000 else ["they are not"])
    negated = "signature: s negated"
    check("s negated is sound, and taken", [] if run.accepted[negated] == run.counts[negated] > 0 else ["it is not"])
    print(f"tokens: {time.monotonic() - start:.0f} s", flush=True)
    start = time.monotonic()
    times = list(run.hostile())
    check(f"{len(times)} events that are none are refused, and nothing else happens", run.faults["hostile"])
    title, slowest = max(times, key=lambda pair: pair[1])
    print(f"the slowest took {slowest * 1000:.0f} ms: {title}; all {time.monotonic() - start:.0f} s")
    check("the same process still takes sound tokens", run.faults["after"])
    check(f"every answer is legal ({run.function.asked:,})", run.illegal)
    check("no function error", [f"{run.function.errors}"] if run.function.errors else [])
    log(run)


main()
