"""A fifth authorization server for the tests: Authlib on Flask, a library to build one with. Authlib does the protocol: the grants
(device code, refresh token), revocation, bearer tokens, and all their errors. Ours is what its documentation leaves to the builder: it
keeps codes and tokens, rotates refresh tokens, shows the person's pages, and serves RFC 8414's metadata. There is no OpenID
Connect: the userinfo endpoint is an API that tells who somebody is.

It runs on a loopback port of its own for as long as standard input is open, prints one line when it is ready,
{"issuer": "...", "control": "..."}, and answers behind `control` what ../python/witness.py says.

Environment:
  OIDC_ACCESS_TTL, OIDC_DEVICE_TTL   seconds
  OIDC_INTERVAL         seconds between two polls
  OIDC_TOKEN_DELAY_MS   how long each token reply is held back, so that races have room to happen
"""

import os
import sys
import time
from pathlib import Path

from authlib.integrations.flask_oauth2 import AuthorizationServer, ResourceProtector, current_token
from authlib.oauth2.rfc6749 import ClientMixin, TokenMixin
from authlib.oauth2.rfc6749.grants import RefreshTokenGrant
from authlib.oauth2.rfc6750 import BearerTokenValidator
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from authlib.oauth2.rfc8628 import (
    DEVICE_CODE_GRANT_TYPE,
    DeviceAuthorizationEndpoint,
    DeviceCodeGrant,
    DeviceCredentialDict,
)
from flask import Flask, redirect, request, session, url_for
from markupsafe import escape
from werkzeug.serving import WSGIRequestHandler, make_server

sys.path.append(str(Path(__file__).parents[1] / "python"))
from witness import Witness  # noqa: E402

env = os.environ
# Plain http, on loopback.
env["AUTHLIB_INSECURE_TRANSPORT"] = "1"
access_ttl = int(env.get("OIDC_ACCESS_TTL", 3600))
PEOPLE = {name: {"sub": name, "email": f"{name}@example.com", "name": f"{name.title()} Example"} for name in ["ada", "bob"]}
app = Flask(__name__)
app.secret_key = os.urandom(24)
witness = Witness()
# By device code, what was asked for; by user code, what the person said to it; and all tokens. Threads meet here.
codes, answers, tokens = {}, {}, []


class Client(ClientMixin):
    def get_client_id(self):
        return "acme-cli"

    def get_allowed_scope(self, scope):
        return scope

    def check_endpoint_auth_method(self, method, endpoint):
        return method == "none"

    def check_grant_type(self, grant_type):
        return grant_type in [DEVICE_CODE_GRANT_TYPE, "refresh_token"]


class Token(TokenMixin):
    def __init__(self, token, user):
        self.user, self.scope, self.revoked = user, token["scope"], False
        self.values = {"access": token["access_token"], "refresh": token["refresh_token"]}
        self.expires_at = time.time() + token["expires_in"]

    def check_client(self, client):
        return client.get_client_id() == "acme-cli"

    def get_scope(self):
        return self.scope

    def is_expired(self):
        return self.expires_at < time.time()

    def is_revoked(self):
        return self.revoked


def token_of(kind, value):
    return next((token for token in tokens if token.values[kind] == value), None)


def lifetime(_client, _grant_type):
    return access_ttl


class DeviceAuthorization(DeviceAuthorizationEndpoint):
    EXPIRES_IN = int(env.get("OIDC_DEVICE_TTL", 1800))
    INTERVAL = int(env.get("OIDC_INTERVAL", 5))

    def get_verification_uri(self):
        return f"{site}/device"

    def save_device_credential(self, client_id, scope, data):
        code = {"client_id": client_id, "scope": scope, "polled_at": 0, "expires_at": time.time() + data["expires_in"]}
        codes[data["device_code"]] = DeviceCredentialDict(data | code)


class DeviceCode(DeviceCodeGrant):
    def query_device_credential(self, device_code):
        return codes.get(device_code)

    def query_user_grant(self, user_code):
        return answers.get(user_code)

    def should_slow_down(self, code):
        polled_at, code["polled_at"] = code["polled_at"], time.time()
        return code["polled_at"] - polled_at < code["interval"]


class Refresh(RefreshTokenGrant):
    INCLUDE_NEW_REFRESH_TOKEN = True
    TOKEN_ENDPOINT_AUTH_METHODS = ["none"]

    def authenticate_refresh_token(self, refresh_token):
        token = token_of("refresh", refresh_token)
        return None if token and token.revoked else token

    def authenticate_user(self, token):
        return token.user

    def revoke_old_credential(self, token):
        token.revoked = True


class Revocation(RevocationEndpoint):
    CLIENT_AUTH_METHODS = ["none"]

    def query_token(self, value, hint):
        kinds = [hint.removesuffix("_token")] if hint else ["access", "refresh"]
        return next((token for kind in kinds if (token := token_of(kind, value))), None)

    def revoke_token(self, token, request):
        token.revoked = True


class Bearer(BearerTokenValidator):
    def authenticate_token(self, value):
        return token_of("access", value)


app.config["OAUTH2_SCOPES_SUPPORTED"] = ["profile", "email"]
app.config["OAUTH2_REFRESH_TOKEN_GENERATOR"] = True
app.config["OAUTH2_TOKEN_EXPIRES_IN"] = f"{__name__}.lifetime"
authorization = AuthorizationServer(
    app,
    query_client=lambda client_id: Client() if client_id == "acme-cli" else None,
    save_token=lambda token, request: tokens.append(Token(token, request.user)),
)
authorization.register_grant(DeviceCode)
authorization.register_grant(Refresh)
authorization.register_endpoint(DeviceAuthorization)
authorization.register_endpoint(Revocation)
protected = ResourceProtector()
protected.register_token_validator(Bearer())


@app.get("/.well-known/oauth-authorization-server")
def metadata():
    told = AuthorizationServerMetadata(
        issuer=site,
        token_endpoint=f"{site}/token",
        token_endpoint_auth_methods_supported=["none"],
        device_authorization_endpoint=f"{site}/device_authorization",
        revocation_endpoint=f"{site}/revoke",
        revocation_endpoint_auth_methods_supported=["none"],
        userinfo_endpoint=f"{site}/userinfo",
        grant_types_supported=[DEVICE_CODE_GRANT_TYPE, "refresh_token"],
        response_types_supported=[],
        scopes_supported=authorization.scopes_supported,
    )
    return dict(told)


@app.post("/token")
def token():
    return authorization.create_token_response()


@app.post("/device_authorization")
def device_authorization():
    return authorization.create_endpoint_response("device_authorization")


@app.post("/revoke")
def revoke():
    return authorization.create_endpoint_response("revocation")


@app.get("/userinfo")
@protected("profile")
def userinfo():
    return PEOPLE[current_token.user]


@app.route("/login", methods=["GET", "POST"])
def login():
    name = request.form.get("username")
    if name in PEOPLE and name == request.form["password"]:
        session["person"] = name
        return redirect(request.args["next"])
    return page("Log in", "<form method=post><input name=\"username\"><input name=\"password\"></form>")


@app.route("/device", methods=["GET", "POST"])
def device():
    if "person" not in session:
        return redirect(url_for("login", next=request.full_path))
    user_code = request.args.get("user_code")
    code = next((code for code in codes.values() if code.get_user_code() == user_code), None)
    if code is None or code.is_expired():
        return page("Expired code")
    if request.method == "GET":
        return page("Confirm Device", f"{escape(user_code)}<form method=post><input name=\"action\"></form>")
    approved = request.form["action"] == "confirm"
    answers[user_code] = (session["person"], approved)
    return page("Device Authorized" if approved else "Device Denied")


def page(heading, body=""):
    return f"<!doctype html><title>Acme</title><h1>{heading}</h1>{body}"


@app.after_request
def watch(response):
    grant = request.form.get("grant_type", "none") if request.endpoint == "token" else None
    witness.note(request.endpoint or request.path, grant, response.status_code, response.get_json(silent=True) or {})
    return response


def is_live(kind, value):
    if kind == "device":
        code = codes.get(value)
        return code is not None and not code.is_expired() and code.get_user_code() not in answers
    token = token_of(kind, value)
    return not token.revoked and not (kind == "access" and token.is_expired())


def set_access_ttl(seconds):
    global access_ttl
    access_ttl = seconds


class Quiet(WSGIRequestHandler):
    def log_request(self, *_):
        pass


# The port is part of the issuer.
server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
site = f"http://127.0.0.1:{server.server_port}"
witness.serve(site, server, lambda: witness.tokens(is_live), set_access_ttl, codes.clear)
