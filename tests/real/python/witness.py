"""What a server that runs on Python saw, for the tests to ask, on a port of its own and always over plain http. It is the twin of
../oidc-provider/witness.mjs:

  GET  /_seen     {"total", "endpoints": {name: n}, "grants": {grant type: {outcome: n}}}
  GET  /_tokens   {"refresh": [{"value", "live"}], "access": [...], "device": [...]}, oldest first
  POST /_reset    forgets the counts, not the tokens
  POST /_access_ttl?SECONDS   how long the access tokens live that are issued from now on
  POST /_end_codes            all device codes have run out, or are not known any more
"""

import collections
import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN_DELAY = int(os.environ.get("OIDC_TOKEN_DELAY_MS", 0)) / 1000


class Witness:
    def __init__(self):
        self.lock = threading.Lock()
        self.forget()
        self.issued = {"refresh": [], "access": [], "device": []}

    def forget(self):
        with self.lock:
            self.total, self.endpoints, self.grants = 0, collections.Counter(), {}

    def note(self, endpoint, grant, status, told):
        """A request that has been answered: to which endpoint, of which grant type, and with which JSON. A token is then held back."""
        with self.lock:
            self.total += 1
            self.endpoints[endpoint] += 1
            if grant:
                outcome = "ok" if status == 200 else told.get("error")
                self.grants.setdefault(grant.rpartition(":")[2], collections.Counter())[outcome] += 1
            for kind, member in [("refresh", "refresh_token"), ("access", "access_token"), ("device", "device_code")]:
                if member in told:
                    self.issued[kind].append(told[member])
        if grant:
            time.sleep(TOKEN_DELAY)

    def seen(self):
        with self.lock:
            return {"total": self.total, "endpoints": dict(self.endpoints), "grants": self.grants}

    def tokens(self, is_live):
        """All that were issued, and whether the server would still take them."""
        state = {kind: list(values) for kind, values in self.issued.items()}
        return {kind: [{"value": v, "live": is_live(kind, v)} for v in values] for kind, values in state.items()}

    def serve(self, issuer, server, tokens, set_access_ttl, end_codes):
        """Runs the server and the witness for as long as standard input is open, and says where both are."""
        answers = {
            "GET /_seen": lambda _: self.seen(),
            "GET /_tokens": lambda _: tokens(),
            "POST /_reset": lambda _: self.forget(),
            "POST /_access_ttl": lambda seconds: set_access_ttl(int(seconds)),
            "POST /_end_codes": lambda _: end_codes(),
        }
        control = ThreadingHTTPServer(("127.0.0.1", 0), control_of(answers))
        for service in [server, control]:
            threading.Thread(target=service.serve_forever, daemon=True).start()
        print(json.dumps({"issuer": issuer, "control": f"http://127.0.0.1:{control.server_port}"}), flush=True)
        sys.stdin.read()
        os._exit(0)


def control_of(answers):
    class Control(BaseHTTPRequestHandler):
        def do_GET(self):
            name, _, argument = self.path.partition("?")
            answer = answers.get(f"{self.command} {name}")
            body = json.dumps(answer(argument) if answer else None).encode()
            self.send_response(200 if answer else 404)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *_):
            pass

    return Control
