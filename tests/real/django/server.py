"""A second authorization server for the tests, which shares no code with the first: django-oauth-toolkit, as its
documentation has it set up, on a loopback port of its own, for as long as standard input is open. Ours is only the glue:
settings, accounts, one client, a key, and a witness. It prints one line when it is ready, {"issuer": "...",
"control": "..."}, and answers behind `control` what ../python/witness.py says; of the tokens it tells what the database has, which
forgets access tokens that are revoked.

    server.py FOLDER     where the database goes

Environment:
  OIDC_ACCESS_TTL       seconds
  OIDC_INTERVAL         seconds between two polls
  OIDC_TOKEN_DELAY_MS   how long each token reply is held back, so that races have room to happen
  OIDC_TLS_KEY, OIDC_TLS_CERT   PEM files; the issuer is then https://localhost:PORT/o
  OIDC_CLIENT_SECRET    the client is a confidential one
  DJANGO_ROTATE=0       a refresh token stays in use
  DJANGO_GRACE          for how many seconds a spent refresh token is still taken
  DJANGO_REUSE_PROTECTION=0   a spent refresh token that comes again is refused, and ends nothing
  DJANGO_CLAIMS=0       userinfo tells the subject alone, as django-oauth-toolkit does by itself
  DJANGO_METADATA=oidc  no RFC 8414 document, as where its urls are included under a prefix and nowhere else
"""

import json
import os
import ssl
import sys
from datetime import timedelta
from pathlib import Path

import django
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler

sys.path.append(str(Path(__file__).parents[1] / "python"))
from witness import Witness  # noqa: E402

env = os.environ
tls = env.get("OIDC_TLS_CERT")
access_ttl = int(env.get("OIDC_ACCESS_TTL", 3600))

# The port is part of the issuer, so the socket comes first and Django second.
server = ThreadedWSGIServer(("127.0.0.1", 0), WSGIRequestHandler)
site = f"{'https://localhost' if tls else 'http://127.0.0.1'}:{server.server_port}"


def private_key():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(pem, pkcs8, serialization.NoEncryption()).decode()


LOGIN = "<title>Log in</title><form method=post>{% csrf_token %}{{ form.as_p }}</form>"
settings.configure(
    SECRET_KEY=os.urandom(24).hex(),
    ALLOWED_HOSTS=["127.0.0.1", "localhost"],
    ROOT_URLCONF=__name__,
    LOGIN_URL="/accounts/login/",
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    # The passwords are no secret, and a login need not take long.
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.staticfiles",
        "oauth2_provider",
    ],
    # The tables as the models have them, at once: the way there through all versions takes seconds.
    MIGRATION_MODULES={app: None for app in ["auth", "contenttypes", "sessions", "oauth2_provider"]},
    STATIC_URL="static/",
    MIDDLEWARE=[
        f"{__name__}.watch",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": Path(sys.argv[1]) / "db.sqlite3",
            "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20},
        }
    },
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {
                "context_processors": ["django.template.context_processors.request"],
                "loaders": [
                    ("django.template.loaders.locmem.Loader", {"registration/login.html": LOGIN}),
                    "django.template.loaders.app_directories.Loader",
                ],
            },
        }
    ],
    OAUTH2_PROVIDER={
        "OIDC_ENABLED": True,
        "OIDC_RSA_PRIVATE_KEY": private_key(),
        "OAUTH2_VALIDATOR_CLASS": "oauth2_provider.oauth2_validators.OAuth2Validator"
        if env.get("DJANGO_CLAIMS") == "0"
        else f"{__name__}.validator",
        "SCOPES": {"openid": "Who you are", "email": "Your e-mail address"},
        "OAUTH_DEVICE_VERIFICATION_URI": f"{site}/o/device/",
        "OAUTH_DEVICE_VERIFICATION_URI_COMPLETE": f"{site}/o/device/?user_code={{user_code}}",
        "DEVICE_FLOW_INTERVAL": int(env.get("OIDC_INTERVAL", 5)),
        "ROTATE_REFRESH_TOKEN": env.get("DJANGO_ROTATE") != "0",
        "REFRESH_TOKEN_GRACE_PERIOD_SECONDS": int(env.get("DJANGO_GRACE", 0)),
        "REFRESH_TOKEN_REUSE_PROTECTION": env.get("DJANGO_REUSE_PROTECTION") != "0",
        "EXTRA_SERVER_KWARGS": {"token_expires_in": lambda _request: access_ttl},
    },
)


witness = Witness()


def watch(get_response):
    """A middleware."""

    def answer(request):
        response = get_response(request)
        match = request.resolver_match
        endpoint = match.url_name if match else request.path
        grant = request.POST.get("grant_type", "none") if endpoint == "token" else None
        is_json = response.headers.get("content-type", "").startswith("application/json")
        witness.note(endpoint, grant, response.status_code, json.loads(response.content) if is_json else {})
        return response

    return answer


django.setup()

from django.contrib.auth import get_user_model  # noqa: E402
from django.core.handlers.wsgi import WSGIHandler  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.urls import include, path  # noqa: E402
from django.utils import timezone  # noqa: E402
from oauth2_provider import urls as oauth2_urls  # noqa: E402
from oauth2_provider.models import (  # noqa: E402
    get_access_token_model,
    get_application_model,
    get_device_grant_model,
    get_refresh_token_model,
)
from oauth2_provider.oauth2_validators import OAuth2Validator  # noqa: E402

urlpatterns = [
    path("o/", include("oauth2_provider.urls", namespace="oauth2_provider")),
    path("accounts/", include("django.contrib.auth.urls")),
]
if env.get("DJANGO_METADATA") != "oidc":
    # "prefixed deployments should ALSO mount metadata_urlpatterns separately at the server root"
    urlpatterns.append(path("", include(oauth2_urls.metadata_urlpatterns)))


class validator(OAuth2Validator):
    """The documented way to tell more of a person than the subject."""

    def get_additional_claims(self, request):
        return {"email": request.user.email, "name": request.user.get_full_name()}


def prepare():
    call_command("migrate", run_syncdb=True, verbosity=0)
    for name in ["ada", "bob"]:
        user = {"password": name, "email": f"{name}@example.com", "first_name": name.title(), "last_name": "Example"}
        get_user_model().objects.create_user(name, **user)
    Application = get_application_model()
    secret = env.get("OIDC_CLIENT_SECRET")
    Application.objects.create(
        client_id="acme-cli",
        name="Acme",
        client_type=Application.CLIENT_CONFIDENTIAL if secret else Application.CLIENT_PUBLIC,
        client_secret=secret or "",
        authorization_grant_type=Application.GRANT_DEVICE_CODE,
        algorithm=Application.RS256_ALGORITHM,
    )


def tokens():
    refresh, access = get_refresh_token_model().objects, get_access_token_model().objects
    device = get_device_grant_model()
    now = timezone.now()
    # Each question comes on a thread of its own, and Django opens a connection for each.
    state = {
        "refresh": [{"value": t.token, "live": t.revoked is None} for t in refresh.order_by("pk")],
        "access": [{"value": t.token, "live": t.expires > now} for t in access.order_by("pk")],
        "device": [
            {"value": t.device_code, "live": t.status == device.AUTHORIZATION_PENDING and t.expires > now}
            for t in device.objects.order_by("pk")
        ],
    }
    connection.close()
    return state


def set_access_ttl(seconds):
    global access_ttl
    access_ttl = seconds


def end_codes():
    get_device_grant_model().objects.update(expires=timezone.now() - timedelta(seconds=1))
    connection.close()


prepare()
server.set_app(WSGIHandler())
if tls:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls, env["OIDC_TLS_KEY"])
    # The handshake is the connection's own thread's, at the first read.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.base_environ["HTTPS"] = "on"
witness.serve(f"{site}/o", server, tokens, set_access_ttl, end_codes)
