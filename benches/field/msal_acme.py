"""A whole tool on MSAL Python, for `run`: as small as its documentation makes one, and as good.

    python msal_acme.py FOLDER ISSUER login    prints the user code, waits for the person
    python msal_acme.py FOLDER ISSUER token    prints an access token

Two pieces of MSAL's documentation are followed, both for tools of which several processes run: the token cache of
msal-extensions (a file, a CrossPlatLock, reloaded when another process wrote it), and the recipe "if your app is a
command-line app, you would want to persist your http_cache", which spares a cached token the server's metadata.
"""

import atexit
import pickle
import sys
from pathlib import Path

import msal
from msal_extensions import FilePersistence, PersistedTokenCache

folder, issuer, command = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
# MSAL adds openid, offline_access and profile by itself; without the last one it asks for what the others ask for.
SCOPES, NOT_ASKED = ["email"], ["profile"]

try:
    http_cache = pickle.loads((folder / "http_cache").read_bytes())
except Exception:  # "your implementation shall tolerate unexpected loading errors"
    http_cache = {}
atexit.register(lambda: (folder / "http_cache").write_bytes(pickle.dumps(http_cache)))

app = msal.PublicClientApplication(
    "acme-cli",
    # MSAL wants a path in an authority, and this issuer has none. A dot is none either (RFC 3986 §5.2.4).
    oidc_authority=f"{issuer}/.",
    exclude_scopes=NOT_ASKED,
    token_cache=PersistedTokenCache(FilePersistence(str(folder / "token_cache"))),
    http_cache=http_cache,
)

if command == "login":
    flow = app.initiate_device_flow(SCOPES)
    print(flow["user_code"], flush=True)
    result = app.acquire_token_by_device_flow(flow)
else:
    accounts = app.get_accounts()
    result = app.acquire_token_silent_with_error(SCOPES, account=accounts[0]) if accounts else None

if not result or "access_token" not in result:
    sys.exit(f"no token: {(result or {}).get('error', 'nothing in the cache')}")
if command == "token":
    print(result["access_token"])
