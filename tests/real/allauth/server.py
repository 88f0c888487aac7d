"""A fourth authorization server for the tests: django-allauth as an OpenID Connect provider (`allauth.idp.oidc`), as its documentation
has it set up, with its own pages, on a loopback port of its own, for as long as standard input is open. Ours is only the glue:
settings, accounts, one client, a key, and a witness. It prints one line when it is ready, {"issuer": "...", "control": "..."}, and
answers behind `control` what ../python/witness.py says.

    server.py FOLDER     where the database goes

Environment:
  OIDC_ACCESS_TTL, OIDC_DEVICE_TTL   seconds
  OIDC_INTERVAL         seconds between two polls
  OIDC_TOKEN_DELAY_MS   how long each token reply is held back, so that races have room to happen
"""

import json
import os
import sys
from pathlib import Path

import django
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler

sys.path.append(str(Path(__file__).parents[1] / "python"))
from witness import Witness  # noqa: E402

env = os.environ
key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
apps = ["auth", "contenttypes", "sessions", "messages"]

settings.configure(
    SECRET_KEY=os.urandom(24).hex(),
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    LOGIN_URL="/accounts/login/",
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    # The passwords are no secret, and a login need not take long.
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    INSTALLED_APPS=[f"django.contrib.{app}" for app in apps] + ["allauth", "allauth.account", "allauth.idp.oidc"],
    # The tables as the models have them, at once: the way there through all versions takes seconds.
    MIGRATION_MODULES={app: None for app in [*apps, "account", "allauth_idp_oidc"]},
    MIDDLEWARE=[
        f"{__name__}.watch",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "allauth.account.middleware.AccountMiddleware",
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
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ]
            },
        }
    ],
    # By themselves five codes a minute from one address.
    ACCOUNT_RATE_LIMITS=False,
    IDP_OIDC_RATE_LIMITS=False,
    IDP_OIDC_PRIVATE_KEY=key.private_bytes(pem, pkcs8, serialization.NoEncryption()).decode(),
    IDP_OIDC_ACCESS_TOKEN_EXPIRES_IN=int(env.get("OIDC_ACCESS_TTL", 3600)),
    IDP_OIDC_DEVICE_CODE_EXPIRES_IN=int(env.get("OIDC_DEVICE_TTL", 300)),
    IDP_OIDC_DEVICE_CODE_INTERVAL=int(env.get("OIDC_INTERVAL", 5)),
)
witness = Witness()


def watch(get_response):
    """A middleware."""

    def answer(request):
        response = get_response(request)
        endpoint = request.resolver_match.url_name if request.resolver_match else request.path
        grant = request.POST.get("grant_type", "none") if endpoint == "token" else None
        is_json = response.headers.get("content-type", "").startswith("application/json")
        witness.note(endpoint, grant, response.status_code, json.loads(response.content) if is_json else {})
        return response

    return answer


django.setup()

from allauth.account.models import EmailAddress  # noqa: E402
from allauth.idp.oidc.internal.oauthlib.device_codes import cache_device_code_key  # noqa: E402
from allauth.idp.oidc.models import Client, Token  # noqa: E402
from django.contrib.auth import get_user_model  # noqa: E402
from django.core.cache import cache  # noqa: E402
from django.core.handlers.wsgi import WSGIHandler  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.urls import include, path  # noqa: E402

urlpatterns = [
    path("accounts/", include("allauth.urls")),
    path("", include("allauth.idp.urls")),
]


def prepare():
    call_command("migrate", run_syncdb=True, verbosity=0)
    for name in ["ada", "bob"]:
        person = {"password": name, "email": f"{name}@example.com", "first_name": name.title(), "last_name": "Example"}
        user = get_user_model().objects.create_user(name, **person)
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    client = Client(id="acme-cli", name="Acme", type=Client.Type.PUBLIC)
    client.set_scopes(["openid", "profile", "email"])
    client.set_grant_types([Client.GrantType.DEVICE_CODE, Client.GrantType.REFRESH_TOKEN])
    client.save()


def is_live(kind, value):
    # Codes are in the cache. Of tokens the database has hashes; those that are spent or revoked are gone.
    if kind == "device":
        return cache.get(cache_device_code_key(value)) is not None
    return Token.objects.lookup({"refresh": Token.Type.REFRESH_TOKEN, "access": Token.Type.ACCESS_TOKEN}[kind], value) is not None


def tokens():
    state = witness.tokens(is_live)
    # Each question comes on a thread of its own, and Django opens a connection for each.
    connection.close()
    return state


def set_access_ttl(seconds):
    settings.IDP_OIDC_ACCESS_TOKEN_EXPIRES_IN = seconds


prepare()
# The port is part of the issuer.
server = ThreadedWSGIServer(("127.0.0.1", 0), WSGIRequestHandler)
server.set_app(WSGIHandler())
# Nothing else is in the cache than codes.
witness.serve(f"http://127.0.0.1:{server.server_port}", server, tokens, set_access_ttl, cache.clear)
