"""Secrets Manager (moto): every form of a secret, every stage, every error."""

import base64
import json
import time
import uuid

from lib.checks import check
from lib.keys import key_set, new_key
from sandbox import REGION, Sandbox, aws, issuer, token

REFRESH_SECONDS = 1


class Secret:
    """A secret. It is rotated only by moving stages: moto has a defect where that is mixed with plain puts."""

    def __init__(self, moto, text=None, binary=None, region=None):
        self.client = moto.client("secretsmanager", *filter(None, [region]))
        self.name = f"iot/keys-{uuid.uuid4().hex[:8]}"
        value = {"SecretBinary": binary} if binary is not None else {"SecretString": text} if text is not None else {}
        made = self.client.create_secret(Name=self.name, **value)
        self.arn, self.current, self.previous = made["ARN"], made.get("VersionId"), None

    def pend(self, text):
        put = self.client.put_secret_value(SecretId=self.name, SecretString=text, VersionStages=["AWSPENDING"], ClientRequestToken=str(uuid.uuid4()))
        self.pending = put["VersionId"]

    def promote(self):
        """Makes AWSPENDING AWSCURRENT, and AWSCURRENT AWSPREVIOUS."""
        self.move("AWSCURRENT", MoveToVersionId=self.pending, RemoveFromVersionId=self.current)
        self.move("AWSPENDING", RemoveFromVersionId=self.pending)
        self.previous, self.current = self.current, self.pending

    def drop(self):
        """Removes AWSPREVIOUS."""
        self.move("AWSPREVIOUS", RemoveFromVersionId=self.previous)

    def move(self, stage, **versions):
        self.client.update_secret_version_stage(SecretId=self.name, VersionStage=stage, **versions)


def source(secret, more=""):
    return issuer([f"secret:{secret}"], more=more)


def forms(moto):
    """Each format of a secret, by name and by ARN: tokens of its keys are allowed, others denied."""
    one, two, other = (new_key(kid) for kid in ("one", "two", "other"))
    both = one.pem() + two.pem()
    named = json.dumps({"one": one.pem(), "two": two.pem()})
    for title, value, keys, kid in [
        ("a JWK Set", {"text": key_set(one, two)}, [one, two], True),
        ("a JWK", {"text": json.dumps(one.jwk())}, [one], True),
        ("PEM with two blocks", {"text": both}, [one, two], False),
        ("an object of kid to PEM", {"text": named}, [one, two], True),
        ("a binary secret", {"binary": key_set(one, two).encode()}, [one, two], True),
        ("a binary secret of PEM", {"binary": both.encode()}, [one, two], False),
    ]:
        secret = Secret(moto, **value)
        for by, id in [("name", secret.name), ("ARN", secret.arn)]:
            with Sandbox(source(id), environment=aws(moto.url)) as sandbox:
                codes = [sandbox.decide(token(key, kid=kid)) for key in keys]
                code = sandbox.decide(token(other, kid=kid))
                passed = codes == ["allow"] * len(keys) and code in ("unknown_key", "bad_signature")
                check(f"{title}, by {by}", passed and not sandbox.problems(), f"{codes} {code} {sandbox.problems()} {sandbox.key_events()}")


def stages(moto):
    """The keys of all three stages are used, and an invalid AWSPENDING does not affect AWSCURRENT."""
    old, now, next = (new_key(kid) for kid in ("old", "now", "next"))
    secret = Secret(moto, key_set(old))
    secret.pend(key_set(now))
    secret.promote()
    secret.pend(key_set(next))
    with Sandbox(source(secret.name), environment=aws(moto.url)) as sandbox:
        codes = [sandbox.decide(token(key)) for key in (old, now, next)]
        check("the keys of AWSPREVIOUS, AWSCURRENT and AWSPENDING are used", codes == ["allow"] * 3 and not sandbox.problems(), f"{codes} {sandbox.key_events()}")
    private = new_key("leaked")
    for title, text, why in [
        ("text", "not ready yet", "AWSPENDING: the secret is neither JSON nor PEM"),
        ("an empty object", "{}", "AWSPENDING: the secret is a JSON object of another form"),
        ("a private key", private.private_pem(), "AWSPENDING: the secret contains a private key"),
        ("a damaged PEM", private.pem().replace("M", "!", 3), "AWSPENDING: the secret has a `PUBLIC KEY` block that is damaged"),
        ("no usable key", '{"keys":[{"kty":"oct","k":"c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0"}]}', "a symmetric key"),
    ]:
        secret = Secret(moto, key_set(now))
        secret.pend(text)
        with Sandbox(source(secret.name), environment=aws(moto.url)) as sandbox:
            codes = [sandbox.decide(token(now)), sandbox.decide(token(private))]
            event, reason = sandbox.key_events()[0]
            passed = codes == ["allow", "unknown_key"] and event == "keys_changed" and why in reason
            passed &= not sandbox.problems() + sandbox.leaks(text)
            check(f"AWSPENDING with {title}: AWSCURRENT is used, and the log has the reason", passed, f"{codes} {event}: {reason} {sandbox.problems()}")


def errors(moto):
    """Invalid secrets, and Secrets Manager out of reach: tokens are denied, the log has the reason, and there is no
    function error."""
    key, private = new_key("one"), new_key("leaked")
    good = key_set(key)
    jwk = json.dumps({"keys": [key.jwk() | {"d": base64.urlsafe_b64encode(b"the private half" * 2).decode().rstrip("=")}]})
    texts = [
        ("text", "the keys are somewhere else", "is neither JSON nor PEM"),
        ("white space", " ", "is empty"),
        ("cut JSON", good[:-9], "has invalid JSON at line 1, column "),
        ("JSON null", "null", "is null; expected a JWK Set"),
        ("an empty object", "{}", "is a JSON object of another form"),
        ("a list of keys", json.dumps([key.jwk()]), "is a list; expected a JWK Set"),
        ("user and password", json.dumps({"username": "admin", "password": "the password of the database"}), "is a JSON object of another form"),
        ("a set without keys", '{"keys":[]}', "the key set is empty"),
        ("a symmetric key", '{"keys":[{"kty":"oct","k":"c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0"}]}', "a symmetric key"),
        ("a private PEM", private.private_pem(), "contains a private key"),
        ("a private PEM after a public one", key.pem() + private.private_pem(), "contains a private key"),
        ("a private JWK", jwk, "contains a private key"),
        ("a private PEM under a kid", json.dumps({"one": key.pem(), "two": private.private_pem()}), "contains a private key"),
        ("two keys under a kid", json.dumps({"one": key.pem() + private.pem()}), "several `PUBLIC KEY` blocks"),
        ("a certificate", "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIU\n-----END CERTIFICATE-----\n", "contains certificates"),
        ("a damaged PEM", key.pem().replace("M", "!", 3), "is damaged"),
        ("101 keys", key_set(*[new_key(str(number)) for number in range(101)]), "more than 100 keys"),
        ("only a key of another type", key_set(new_key("rsa", "RS256")), "no key serves any of the issuer's `algorithms`"),
    ]
    for title, text, why in texts:
        denied(f"AWSCURRENT with {title}", Secret(moto, text).name, aws(moto.url), why, key, text)
    denied("a binary AWSCURRENT that is not text", Secret(moto, binary=b"\xff\xfe\x00" * 20).name, aws(moto.url), "is not UTF-8", key)
    not_found = "ResourceNotFoundException"
    denied("a secret that does not exist", "iot/nothing", aws(moto.url), not_found, key)
    denied("an ARN that does not exist", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:nothing-AbCdEf", aws(moto.url), not_found, key)
    denied("a secret without a value", Secret(moto).name, aws(moto.url), not_found, key)
    denied("a name of another Region", Secret(moto, good, region="us-east-1").name, aws(moto.url), not_found, key)
    deleted = Secret(moto, good)
    deleted.client.delete_secret(SecretId=deleted.name)
    denied("a secret that is being deleted", deleted.name, aws(moto.url), "InvalidRequestException", key)
    secret = Secret(moto, good)
    not_loopback = "is not an https address, or http on loopback"
    for title, change, why in [
        ("no credentials", {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set"),
        ("half of the credentials", {"AWS_SECRET_ACCESS_KEY": None}, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set"),
        ("empty credentials", {"AWS_ACCESS_KEY_ID": ""}, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set"),
        ("no Region", {"AWS_REGION": None}, "AWS_REGION is not set"),
        ("another Region", {"AWS_REGION": "us-east-1"}, not_found),
        ("an http endpoint in the network", {"AWS_ENDPOINT_URL_SECRETS_MANAGER": "http://10.0.0.1:4566"}, not_loopback),
        ("an http endpoint by name", {"AWS_ENDPOINT_URL_SECRETS_MANAGER": "http://localstack:4566"}, not_loopback),
        ("an endpoint that is not a URL", {"AWS_ENDPOINT_URL_SECRETS_MANAGER": "moto"}, not_loopback),
        ("an endpoint with no server", {"AWS_ENDPOINT_URL_SECRETS_MANAGER": "http://127.0.0.1:9"}, "Connection refused"),
        ("https to an http server", {"AWS_ENDPOINT_URL_SECRETS_MANAGER": moto.url.replace("http:", "https:")}, "not reachable"),
    ]:
        denied(title, secret.name, aws(moto.url, **change), why, key)


def denied(title, secret, environment, why, key, *texts):
    """The authorizer starts, denies with `keys_unavailable`, logs the reason, and logs no secret."""
    with Sandbox(source(secret), environment=environment) as sandbox:
        code = sandbox.decide(token(key))
        event, reason = sandbox.key_events()[0]
        leaked = sandbox.leaks(*texts, environment.get("AWS_SECRET_ACCESS_KEY", ""))
        passed = (code, event) == ("keys_unavailable", "keys_missing") and why in reason and not sandbox.problems() and not leaked
        check(f"{title}: denied", passed, f"{code} {event}: {reason} {sandbox.problems()} {leaked}")


def settings(moto):
    """Every way to set the endpoint and the Region, and a session token."""
    key = new_key("one")
    secret, far = Secret(moto, key_set(key)), Secret(moto, key_set(key), region="us-east-1")
    specific = {"AWS_ENDPOINT_URL_SECRETS_MANAGER": None}
    for title, id, environment in [
        ("AWS_ENDPOINT_URL", secret.name, aws(moto.url, AWS_ENDPOINT_URL=moto.url, **specific)),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER before AWS_ENDPOINT_URL", secret.name, aws(moto.url, AWS_ENDPOINT_URL="http://127.0.0.1:9")),
        ("localhost", secret.name, aws(moto.url.replace("127.0.0.1", "localhost"))),
        ("AWS_DEFAULT_REGION", secret.name, aws(moto.url, AWS_REGION=None, AWS_DEFAULT_REGION="eu-west-1")),
        ("a session token", secret.name, aws(moto.url, AWS_SESSION_TOKEN="the session token of the tests")),
        ("an ARN without a Region in the environment", secret.arn, aws(moto.url, AWS_REGION=None)),
        ("an ARN of another Region", far.arn, aws(moto.url)),
    ]:
        with Sandbox(source(id), environment=environment) as sandbox:
            code = sandbox.decide(token(key))
            secrets = [environment[name] for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN") if name in environment]
            check(f"{title} leads to the secret", code == "allow" and not sandbox.problems() + sandbox.leaks(*secrets), f"{code} {sandbox.key_events()}")


def replicas(moto, replica_region="ap-northeast-1"):
    """A secret and its replica give functions of both Regions the same keys, and the replica follows a rotation."""
    first, second, other = (new_key(kid) for kid in ("first", "second", "other"))
    secret = Secret(moto, key_set(first))
    secret.client.replicate_secret_to_regions(SecretId=secret.name, AddReplicaRegions=[{"Region": replica_region}])
    replica = secret.arn.replace(f":{REGION}:", f":{replica_region}:")
    refreshed = f"refresh_seconds = {REFRESH_SECONDS}"
    here, there = aws(moto.url), aws(moto.url, AWS_REGION=replica_region)
    with Sandbox(source(secret.arn, refreshed), environment=here) as one, Sandbox(source(replica, refreshed), environment=there) as two:
        codes = [[sandbox.decide(token(key)) for key in (first, other)] for sandbox in (one, two)]
        check("a secret and its replica give the same keys", codes == [["allow", "unknown_key"]] * 2, f"{codes} {two.key_events()}")
        secret.pend(key_set(first, second))
        codes = [until(sandbox, token(second), "allow", 10)[0] for sandbox in (one, two)]
        check("and a new key, at the refresh", codes == ["allow"] * 2 and not one.problems() + two.problems(), f"{codes} {two.key_events()}")
    with Sandbox(source(secret.name), environment=there) as by_name:
        code = by_name.decide(token(first))
        check("one name is enough for both Regions", code == "allow" and not by_name.problems(), f"{code} {by_name.key_events()}")
    writer = moto.client("secretsmanager", replica_region)
    try:
        writer.put_secret_value(SecretId=replica, SecretString=key_set(other))
        message = "written"
    except writer.exceptions.ClientError as error:
        message = str(error)
    check("a replica cannot be written", "not permitted on a replica" in message, message)


def outage(start):
    """moto ends and comes back. `start` starts it on a port."""
    key, other = new_key("one"), new_key("two")
    moto = start(0)
    secret = Secret(moto, key_set(key))
    try:
        with Sandbox(source(secret.name, f"refresh_seconds = {REFRESH_SECONDS}"), environment=aws(moto.url)) as kept:
            codes = [kept.decide(token(key))]
            moto.end()
            for _ in range(3):
                time.sleep(REFRESH_SECONDS)
                codes.append(kept.decide(token(key)))
            kept.wait_idle()
            last_event = kept.key_events()[-1]
            check("Secrets Manager is down: cached keys stay in use, and the log has the reason",
                  codes == ["allow"] * 4 and last_event[0] == "keys_kept", f"{codes} {last_event}")
            with Sandbox(source(secret.name), environment=aws(moto.url)) as late:
                codes = [late.decide(token(key)), late.decide(token(key))]
                check("a start without Secrets Manager denies tokens, without a function error",
                      codes == ["keys_unavailable"] * 2 and not late.problems() and "Connection refused" in late.key_events()[0][1],
                      f"{codes} {late.key_events()}")
                moto = start(moto.port)
                secret.client.create_secret(Name=secret.name, SecretString=key_set(key, other))
                code, seconds = until(late, token(key), "allow", 10)
                check("Secrets Manager is back: the same sandbox allows tokens", code == "allow" and not late.problems(), f"{code} {late.key_events()}")
                code, more = until(kept, token(other), "allow", 10)
                check("and the other sandbox has the new key", code == "allow" and not kept.problems(), f"{code} {kept.key_events()}")
                print(f"    allowed {seconds:.1f} s and {more:.1f} s after it was back")
    finally:
        moto.end()


def until(sandbox, token, code, seconds):
    """Sends a token until its outcome is `code`, or until the time is over. Returns the last outcome and the seconds
    it took."""
    start = time.monotonic()
    while (outcome := sandbox.decide(token)) != code and time.monotonic() - start < seconds:
        time.sleep(0.1)
    return outcome, time.monotonic() - start
