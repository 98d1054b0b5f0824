"""Secrets Manager as moto plays it: every form of a secret, every stage, every trouble."""

import base64
import json
import time
import uuid

from sandbox import Sandbox, aws, check, issuer, key_set, new_key, pem, private_pem, token

REFRESH = 1


class Secret:
    """A secret, rotated only by moving stages: moto goes wrong where that is mixed with plain puts."""

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
        """AWSPENDING becomes AWSCURRENT, and AWSCURRENT AWSPREVIOUS."""
        self.move("AWSCURRENT", MoveToVersionId=self.pending, RemoveFromVersionId=self.current)
        self.move("AWSPENDING", RemoveFromVersionId=self.pending)
        self.previous, self.current = self.current, self.pending

    def drop(self):
        """Nothing is AWSPREVIOUS any more."""
        self.move("AWSPREVIOUS", RemoveFromVersionId=self.previous)

    def move(self, stage, **versions):
        self.client.update_secret_version_stage(SecretId=self.name, VersionStage=stage, **versions)


def source(secret, more=""):
    return issuer([f"secret:{secret}"], more=more)


def forms(moto):
    """Each format of a secret, by name and by ARN; both keys are let in, and nobody else."""
    one, two, stranger = (new_key(kid) for kid in ("one", "two", "stranger"))
    both = pem(one) + pem(two)
    named = json.dumps({"one": pem(one), "two": pem(two)})
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
                foreign = sandbox.decide(token(stranger, kid=kid))
                good = codes == ["allow"] * len(keys) and foreign in ("unknown_key", "bad_signature")
                check(f"{title}, by {by}", good and not sandbox.sound(), f"{codes} {foreign} {sandbox.sound()} {sandbox.told()}")


def stages(moto):
    """All three stages count, and a bad one beside AWSCURRENT costs nobody anything."""
    old, now, next = (new_key(kid) for kid in ("old", "now", "next"))
    secret = Secret(moto, key_set(old))
    secret.pend(key_set(now))
    secret.promote()
    secret.pend(key_set(next))
    with Sandbox(source(secret.name), environment=aws(moto.url)) as sandbox:
        codes = [sandbox.decide(token(key)) for key in (old, now, next)]
        check("AWSPREVIOUS, AWSCURRENT and AWSPENDING count", codes == ["allow"] * 3 and not sandbox.sound(), f"{codes} {sandbox.told()}")
    private = new_key("leaked")
    for title, text, why in [
        ("text", "not ready yet", "AWSPENDING: the secret is neither JSON nor PEM"),
        ("an empty object", "{}", "AWSPENDING: the secret is neither a JWK Set"),
        ("a private key", private_pem(private), "AWSPENDING: the secret holds a private key"),
        ("a damaged PEM", pem(private).replace("M", "!", 3), "AWSPENDING: the secret has a `PUBLIC KEY` block that is damaged"),
        ("no key of use", '{"keys":[{"kty":"oct","k":"c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0"}]}', "it is symmetric"),
    ]:
        secret = Secret(moto, key_set(now))
        secret.pend(text)
        with Sandbox(source(secret.name), environment=aws(moto.url)) as sandbox:
            codes = [sandbox.decide(token(now)), sandbox.decide(token(private))]
            told = sandbox.told()[0]
            good = codes == ["allow", "unknown_key"] and told[0] == "keys_changed" and why in told[1]
            good &= not sandbox.sound() + sandbox.leaks(text)
            check(f"AWSPENDING with {title}: AWSCURRENT serves, and the log tells", good, f"{codes} {told} {sandbox.sound()}")


def troubles(moto):
    """What can be wrong with a secret or with the way to it: a refusal that says so, and never a function error."""
    key, private = new_key("one"), new_key("leaked")
    good = key_set(key)
    jwk = json.dumps({"keys": [key.jwk() | {"d": base64.urlsafe_b64encode(b"the private half" * 2).decode().rstrip("=")}]})
    texts = [
        ("text", "the keys are somewhere else", "is neither JSON nor PEM"),
        ("white space", " ", "is neither JSON nor PEM"),
        ("cut JSON", good[:-9], "is neither JSON nor PEM"),
        ("JSON null", "null", "is neither a JWK Set"),
        ("an empty object", "{}", "is neither a JWK Set"),
        ("a list of keys", json.dumps([key.jwk()]), "is neither a JWK Set"),
        ("user and password", json.dumps({"username": "admin", "password": "the password of the database"}), "is neither a JWK Set"),
        ("a set without keys", '{"keys":[]}', "has no key that serves"),
        ("a symmetric key", '{"keys":[{"kty":"oct","k":"c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0"}]}', "it is symmetric"),
        ("a private PEM", private_pem(private), "holds a private key"),
        ("a private PEM behind a public one", pem(key) + private_pem(private), "holds a private key"),
        ("a private JWK", jwk, "holds a private key"),
        ("a private PEM under a kid", json.dumps({"one": pem(key), "two": private_pem(private)}), "holds a private key"),
        ("two keys under a kid", json.dumps({"one": pem(key) + pem(private)}), "several `PUBLIC KEY` blocks"),
        ("a certificate", "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIU\n-----END CERTIFICATE-----\n", "holds no `PUBLIC KEY`"),
        ("a damaged PEM", pem(key).replace("M", "!", 3), "is damaged"),
        ("101 keys", key_set(*[new_key(str(at)) for at in range(101)]), "more than 100 keys"),
        ("a key of another kind alone", key_set(new_key("rsa", "RS256")), "has no key that serves"),
    ]
    for title, text, why in texts:
        refused(f"AWSCURRENT with {title}", Secret(moto, text).name, aws(moto.url), why, key, text)
    refused("a binary AWSCURRENT that is no text", Secret(moto, binary=b"\xff\xfe\x00" * 20).name, aws(moto.url), "is neither JSON nor PEM", key)
    absent = "ResourceNotFoundException"
    refused("a secret that is not there", "iot/nothing", aws(moto.url), absent, key)
    refused("an ARN that is not there", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:nothing-AbCdEf", aws(moto.url), absent, key)
    refused("a secret without a value", Secret(moto).name, aws(moto.url), absent, key)
    refused("a name of another Region", Secret(moto, good, region="us-east-1").name, aws(moto.url), absent, key)
    deleted = Secret(moto, good)
    deleted.client.delete_secret(SecretId=deleted.name)
    refused("a secret that is being deleted", deleted.name, aws(moto.url), "InvalidRequestException", key)
    secret = Secret(moto, good)
    anywhere = "http is for loopback alone"
    for title, change, why in [
        ("no credentials", {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}, "no AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
        ("half of the credentials", {"AWS_SECRET_ACCESS_KEY": None}, "no AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
        ("empty credentials", {"AWS_ACCESS_KEY_ID": ""}, "no AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
        ("no Region", {"AWS_REGION": None}, "no AWS_REGION"),
        ("another Region", {"AWS_REGION": "us-east-1"}, absent),
        ("an http endpoint in the network", {"AWS_ENDPOINT_URL_SECRETS_MANAGER": "http://10.0.0.1:4566"}, anywhere),
        ("an http endpoint by name", {"AWS_ENDPOINT_URL_SECRETS_MANAGER": "http://localstack:4566"}, anywhere),
        ("an endpoint that is no address", {"AWS_ENDPOINT_URL_SECRETS_MANAGER": "moto"}, anywhere),
        ("an endpoint where nobody listens", {"AWS_ENDPOINT_URL_SECRETS_MANAGER": "http://127.0.0.1:9"}, "Connection refused"),
        ("https where there is none", {"AWS_ENDPOINT_URL_SECRETS_MANAGER": moto.url.replace("http:", "https:")}, "cannot be reached"),
    ]:
        refused(title, secret.name, aws(moto.url, **change), why, key)


def refused(title, secret, environment, why, key, *texts):
    """Starts, refuses with `keys_unavailable`, tells why, and says nothing of what is secret."""
    with Sandbox(source(secret), environment=environment) as sandbox:
        code = sandbox.decide(token(key))
        event, told = sandbox.told()[0]
        leaked = sandbox.leaks(*texts, environment.get("AWS_SECRET_ACCESS_KEY", ""))
        good = (code, event) == ("keys_unavailable", "keys_missing") and why in told and not sandbox.sound() and not leaked
        check(f"{title} is refused", good, f"{code} {event}: {told} {sandbox.sound()} {leaked}")


def settings(moto):
    """Every way to name the endpoint and the Region, and a session token, let keys in."""
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
            check(f"{title} leads to the secret", code == "allow" and not sandbox.sound() + sandbox.leaks(*secrets), f"{code} {sandbox.told()}")


def away(start):
    """moto ends and comes back: `start` starts one on a port."""
    key, other = new_key("one"), new_key("two")
    moto = start(0)
    secret = Secret(moto, key_set(key))
    try:
        with Sandbox(source(secret.name, f"refresh_seconds = {REFRESH}"), environment=aws(moto.url)) as kept:
            codes = [kept.decide(token(key))]
            moto.end()
            for _ in range(3):
                time.sleep(REFRESH)
                codes.append(kept.decide(token(key)))
            kept.idle()
            kept_told = kept.told()[-1]
            check("Secrets Manager goes away: keys at hand stay, and the log tells",
                  codes == ["allow"] * 4 and kept_told[0] == "keys_kept", f"{codes} {kept_told}")
            with Sandbox(source(secret.name), environment=aws(moto.url)) as late:
                codes = [late.decide(token(key)), late.decide(token(key))]
                check("a start without Secrets Manager refuses, and does not fail",
                      codes == ["keys_unavailable"] * 2 and not late.sound() and "Connection refused" in late.told()[0][1],
                      f"{codes} {late.told()}")
                moto = start(moto.port)
                secret.client.create_secret(Name=secret.name, SecretString=key_set(key, other))
                code, seconds = until(late, token(key), "allow", 10)
                check("Secrets Manager comes back: the same sandbox lets in", code == "allow" and not late.sound(), f"{code} {late.told()}")
                code, more = until(kept, token(other), "allow", 10)
                check("and the other one has its new key", code == "allow" and not kept.sound(), f"{code} {kept.told()}")
                print(f"    let in {seconds:.1f} s and {more:.1f} s after it was back")
    finally:
        moto.end()


def until(sandbox, token, code, seconds):
    """Asks until that is the answer, for so long at most: the last answer, and how long it took."""
    start = time.monotonic()
    while (answer := sandbox.decide(token)) != code and time.monotonic() - start < seconds:
        time.sleep(0.1)
    return answer, time.monotonic() - start
