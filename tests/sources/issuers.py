"""Tokens of real issuers: Cognito as moto plays it, and oidc-provider."""

import uuid

import jwt

from sandbox import Sandbox, check, issuer

ALGORITHMS = ["RS256", "ES256", "EdDSA"]


class Cognito:
    """A user pool with a client and a user, `alice`, who has logged in by her password."""

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
        """Access tokens name their client in `client_id`, ID tokens in `aud`."""
        claim = 'audience_claim = "client_id"' if use == "access" else ""
        return issuer([self.keys], id="cognito", issuer=self.name, audience=audience or self.client_id,
                      algorithms=["RS256"], more=f'{claim}\nrequire = {{ token_use = "{use}" }}', **more)


def forged(token):
    """The same token with the signature of nobody."""
    head, _, signature = token.rpartition(".")
    return f"{head}.{signature[:20]}{'A' if signature[20] != 'A' else 'B'}{signature[21:]}"


def cognito(moto):
    pool, other = Cognito(moto), Cognito(moto)
    own = f"{pool.subject}/phone"
    for use, good, wrong in [("access", pool.access, pool.id), ("id", pool.id, pool.access)]:
        with Sandbox(pool.issuer(use)) as sandbox:
            for title, token, client_id, expected in [
                (f"Cognito's {use} token", good, own, "allow"),
                ("its other token", wrong, own, "missing_claim"),
                ("a token of another pool", other.access, own, "unknown_issuer"),
                ("a forged token", forged(good), own, "bad_signature"),
                ("somebody else's client id", good, "ben/phone", "client_id_not_allowed"),
            ]:
                code = sandbox.decide(token, client_id)
                check(f"{title} where {use} tokens are taken: {expected}", code == expected and not sandbox.sound(), f"{code} {sandbox.told()}")
        with Sandbox(pool.issuer(use, audience=other.client_id)) as sandbox:
            code = sandbox.decide(good, own)
            check(f"Cognito's {use} token for another client: wrong_audience", code == "wrong_audience", code)


def provider(server, stranger):
    """Discovery, and a token of each algorithm."""
    with Sandbox(discovered(server)) as sandbox:
        for algorithm in ALGORITHMS:
            token = server.token(algorithm)
            for title, token, client_id, expected in [
                ("a token of oidc-provider", token, "alice/phone", "allow"),
                ("a forged one", forged(token), "alice/phone", "bad_signature"),
                ("one of another provider", stranger.token(algorithm), "alice/phone", "unknown_issuer"),
                ("somebody else's client id", token, "ben/phone", "client_id_not_allowed"),
            ]:
                code = sandbox.decide(token, client_id)
                check(f"{algorithm}: {title}: {expected}", code == expected, f"{code} {sandbox.told()}")
        check("oidc-provider was asked once", len(sandbox.told()) == 1 and not sandbox.sound(), f"{sandbox.told()} {sandbox.sound()}")
    for title, text, expected in [
        ("for another audience", discovered(server, audience="elsewhere"), "wrong_audience"),
        ("of an algorithm that is not taken", discovered(server, algorithms=["RS256"]), "unsupported_algorithm"),
        ("under the issuer with a slash more", discovered(server, issuer=f"{server.url}/"), "unknown_issuer"),
    ]:
        with Sandbox(text) as sandbox:
            code = sandbox.decide(server.token("ES256"), "alice/phone")
            check(f"a token of oidc-provider {title}: {expected}", code == expected and not sandbox.sound(), f"{code} {sandbox.told()}")


def discovered(server, **change):
    return issuer(["oidc"], **{"id": "provider", "issuer": server.url, "audience": "iot-gateway", "algorithms": ALGORITHMS} | change)
