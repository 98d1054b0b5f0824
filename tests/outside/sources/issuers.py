"""Tokens of real issuers: Cognito (moto) and oidc-provider."""

import uuid

import jwt

from lib.checks import check
from sandbox import Sandbox, issuer

ALGORITHMS = ["RS256", "ES256", "EdDSA"]


class Cognito:
    """A user pool with a client and a user, `alice`, who has logged in with a password."""

    def __init__(self, moto):
        client, password = moto.client("cognito-idp"), f"A-{uuid.uuid4().hex}"
        pool = client.create_user_pool(PoolName="users")["UserPool"]["Id"]
        self.client_id = client.create_user_pool_client(
            UserPoolId=pool, ClientName="app", ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"])["UserPoolClient"]["ClientId"]
        client.admin_create_user(UserPoolId=pool, Username="alice")
        client.admin_set_user_password(UserPoolId=pool, Username="alice", Password=password, Permanent=True)
        tokens = client.initiate_auth(
            ClientId=self.client_id, AuthFlow="USER_PASSWORD_AUTH", AuthParameters={"USERNAME": "alice", "PASSWORD": password})
        self.access, self.id = (tokens["AuthenticationResult"][name] for name in ("AccessToken", "IdToken"))
        self.subject = jwt.decode(self.id, options={"verify_signature": False})["sub"]
        self.name = f"https://cognito-idp.eu-west-1.amazonaws.com/{pool}"
        self.keys = f"jwks:{moto.url}/{pool}/.well-known/jwks.json"

    def issuer(self, use, audience=None, **more):
        """The configuration of this pool as issuer. Access tokens name their client in `client_id`, ID tokens in
        `aud`."""
        claim = 'audience_claim = "client_id"' if use == "access" else ""
        return issuer([self.keys], id="cognito", issuer=self.name, audience=audience or self.client_id,
                      algorithms=["RS256"], more=f'{claim}\nrequire = {{ token_use = "{use}" }}', **more)


def forged(token):
    """The same token with another signature."""
    head, _, signature = token.rpartition(".")
    return f"{head}.{signature[:20]}{'A' if signature[20] != 'A' else 'B'}{signature[21:]}"


def cognito(moto):
    pool, other = Cognito(moto), Cognito(moto)
    client = f"{pool.subject}/phone"
    for use, expected_kind, other_kind in [("access", pool.access, pool.id), ("id", pool.id, pool.access)]:
        with Sandbox(pool.issuer(use)) as sandbox:
            for title, token, client_id, expected in [
                (f"Cognito's {use} token", expected_kind, client, "allow"),
                ("its other token", other_kind, client, "missing_claim"),
                ("a token of another pool", other.access, client, "unknown_issuer"),
                ("a forged token", forged(expected_kind), client, "bad_signature"),
                ("another user's client id", expected_kind, "ben/phone", "client_id_not_allowed"),
            ]:
                code = sandbox.decide(token, client_id)
                check(f"{title} where {use} tokens are accepted: {expected}", code == expected and not sandbox.problems(), f"{code} {sandbox.key_events()}")
        with Sandbox(pool.issuer(use, audience=other.client_id)) as sandbox:
            code = sandbox.decide(expected_kind, client)
            check(f"Cognito's {use} token for another client: wrong_audience", code == "wrong_audience", code)


def provider(server, other):
    """Discovery, and a token of each algorithm. `other` is another provider."""
    with Sandbox(discovered(server)) as sandbox:
        for algorithm in ALGORITHMS:
            token = server.token(algorithm)
            for title, token, client_id, expected in [
                ("a token of oidc-provider", token, "alice/phone", "allow"),
                ("a forged one", forged(token), "alice/phone", "bad_signature"),
                ("one of another provider", other.token(algorithm), "alice/phone", "unknown_issuer"),
                ("another user's client id", token, "ben/phone", "client_id_not_allowed"),
            ]:
                code = sandbox.decide(token, client_id)
                check(f"{algorithm}: {title}: {expected}", code == expected, f"{code} {sandbox.key_events()}")
        check("the keys of oidc-provider were fetched once", len(sandbox.key_events()) == 1 and not sandbox.problems(), f"{sandbox.key_events()} {sandbox.problems()}")
    for title, text, expected in [
        ("for another audience", discovered(server, audience="elsewhere"), "wrong_audience"),
        ("of an algorithm that is not configured", discovered(server, algorithms=["RS256"]), "unsupported_algorithm"),
        ("of an issuer with an additional slash", discovered(server, issuer=f"{server.url}/"), "unknown_issuer"),
    ]:
        with Sandbox(text) as sandbox:
            code = sandbox.decide(server.token("ES256"), "alice/phone")
            check(f"a token of oidc-provider {title}: {expected}", code == expected and not sandbox.problems(), f"{code} {sandbox.key_events()}")


def discovered(server, **change):
    return issuer(["oidc"], **{"id": "provider", "issuer": server.url, "audience": "iot-gateway", "algorithms": ALGORITHMS} | change)
