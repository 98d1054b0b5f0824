"""A person's login at the gateway's issuer, and their credentials of its identity pool, by boto3."""

import base64
import hashlib
import html
import json
import re
import secrets
import urllib.parse
import urllib.request

import botocore
import boto3
from botocore.config import Config

POOL = "us-east-1:00000000-0000-4000-8000-000000000001"
# A policy that leaves the role alone to decide.
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}]}
# The page's own client.
CLIENT = "iot-local-page"


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def fetch(url, form=None, headers=()):
    """The response to a request, also to one that redirects or fails."""
    data = urllib.parse.urlencode(form).encode() if form else None
    opener = urllib.request.build_opener(NoRedirect)
    try:
        return opener.open(urllib.request.Request(url, data, dict(headers)), timeout=30)
    except urllib.error.HTTPError as response:
        return response


def log_in(port, user, field="user"):
    """The issuer's name among the logins, and the ID token of a user: code flow with PKCE, as the page does it. The field
    `user` is an example user, `sub` another one."""
    origin = f"http://127.0.0.1:{port}"
    server = json.load(fetch(f"{origin}/oidc/users/.well-known/openid-configuration"))
    verifier = secrets.token_urlsafe(32)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    request = urllib.parse.urlencode({
        "client_id": CLIENT, "redirect_uri": f"{origin}/", "response_type": "code", "scope": "openid", "state": "s", "nonce": "n",
        "code_challenge": challenge, "code_challenge_method": "S256",
    })
    page = fetch(f"{server['authorization_endpoint']}?{request}").read().decode()
    action = urllib.parse.urljoin(origin, html.unescape(re.search(r'action="([^"]+)"', page)[1]))
    back = fetch(action, {"request": request, field: user}, {"Origin": origin}).headers["location"]
    code = urllib.parse.parse_qs(urllib.parse.urlsplit(back).query)["code"][0]
    form = {
        "grant_type": "authorization_code", "code": code, "client_id": CLIENT, "redirect_uri": f"{origin}/", "code_verifier": verifier,
    }
    token = json.load(fetch(server["token_endpoint"], form))["id_token"]
    return server["issuer"].removeprefix("https://"), token


def person(plane, user, field="user"):
    """A user's identity id, credentials and logins."""
    name, token = log_in(plane.gateway.port, user, field)
    logins = {name: token}
    pool = boto3.client(
        "cognito-identity", region_name="us-east-1", endpoint_url=plane.endpoint, config=Config(signature_version=botocore.UNSIGNED))
    identity = pool.get_id(IdentityPoolId=POOL, Logins=logins)["IdentityId"]
    credentials = pool.get_credentials_for_identity(IdentityId=identity, Logins=logins)["Credentials"]
    keys = {"key": credentials["AccessKeyId"], "secret": credentials["SecretKey"], "token": credentials["SessionToken"]}
    return identity, keys, logins
