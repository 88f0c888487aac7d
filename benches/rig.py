"""What the benchmarks share: tools with a home of their own, and an authorization server for them.

Nothing touches the real home, D-Bus or keyring; every process started here is ended here, by its own handle.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROVIDER = ROOT / "tests/real/oidc-provider"
ACCOUNT = "ada"
# Longer than anything here takes; a process past it is killed and the run fails.
PATIENCE = 120
# Filled by `working`.
TEMPORARY = Path()


@contextlib.contextmanager
def working():
    """A folder to work in, an authorization server's needs, and an end that comes by a signal as well."""
    global TEMPORARY
    # Ends as by Ctrl-C, so that what was started is ended too.
    for name in [signal.SIGTERM, signal.SIGHUP]:
        signal.signal(name, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix="hallpass-bench-") as folder:
        TEMPORARY = Path(folder)
        install("node nodejs", "npm npm", "openssl openssl")
        if not (PROVIDER / "node_modules/oidc-provider").is_dir():
            quietly("npm", "--prefix", PROVIDER, "ci")
        certify(TEMPORARY)
        yield TEMPORARY


class Acme:
    """hallpass, through its reference tool, with the key in a keyring of its own."""

    name, rests = "hallpass (`acme`)", "sealed file, key in gnome-keyring"
    early, server = 0, {}

    def __init__(self, place, issuer):
        place.desktop()
        place.env |= {"ACME_ISSUER": issuer, "ACME_CA_FILE": str(place.ca), "ACME_NO_BROWSER": "1"}
        # From cargo itself, as the target folder may be anywhere.
        metadata = ["metadata", "--no-deps", "--format-version=1", "--offline", "--manifest-path", ROOT / "Cargo.toml"]
        acme = Path(json.loads(text("cargo", *metadata))["target_directory"]) / "release/examples/acme"
        self.login, self.token = [acme, "auth", "login", "--json"], [acme, "auth", "token"]
        self.version = f"{text(acme, '--version')}, {text('gnome-keyring-daemon', '--version').splitlines()[0]}"

    @staticmethod
    def install():
        install("dbus-daemon dbus", "dbus-send dbus", "gnome-keyring-daemon gnome-keyring")
        quietly("cargo", "build", "--release", "--example", "acme", "--all-features", cwd=ROOT)


class OidcAgent:
    """oidc-agent: a daemon that holds the tokens, and `oidc-token`, which asks it."""

    name, rests = "oidc-agent", "memory of a daemon"
    early, server = 0, {"OIDC_CLIENT_SECRET": "secret-of-the-field"}

    def __init__(self, place, issuer):
        socket, password = place.run / "agent", place.run / "password"
        place.env |= {"OIDC_SOCK": str(socket)}
        password.write_text("correct horse")
        place.start("oidc-agent", "--console", "--socket-path", socket)
        eventually("oidc-agent", socket.exists)
        self.login = [
            *("oidc-gen", "acme", "--manual", "--flow=device", f"--issuer={issuer}", f"--cert-path={place.ca}"),
            *("--client-id=acme-cli", f"--client-secret={self.server['OIDC_CLIENT_SECRET']}"),
            *("--scope=openid offline_access email", "--redirect-uri=http://localhost:4242", f"--pw-file={password}"),
            *("--prompt=none", "--confirm-default", "--no-url-call"),
        ]
        self.token = ["oidc-token", "acme"]
        self.version = text("oidc-agent", "--version")

    @staticmethod
    def install():
        install("oidc-agent oidc-agent-cli")


class Server:
    """The authorization server of tests/real, which lives as long as its standard input is open."""

    def __init__(self, lifetime, delay, further, ending):
        env = {"PATH": os.environ["PATH"], "OIDC_INTERVAL": "1", "OIDC_ACCESS_TTL": str(lifetime)}
        env |= {"OIDC_TOKEN_DELAY_MS": str(delay), **further}
        env |= {"OIDC_TLS_KEY": str(TEMPORARY / "server.key"), "OIDC_TLS_CERT": str(TEMPORARY / "server.pem")}
        started = subprocess.Popen(
            ["node", PROVIDER / "server.mjs"], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        ending.callback(end, started)
        line = started.stdout.readline()
        must(line, "the authorization server did not start")
        ready = json.loads(line)
        self.issuer, self.control = ready["issuer"], ready["control"]
        tls = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=TEMPORARY / "ca.pem"))
        self.http = urllib.request.build_opener(urllib.request.ProxyHandler({}), tls)

    def requests(self):
        """How many requests since `forget`, to anything."""
        return self._seen()["total"]

    def refreshes(self):
        """The refreshes by outcome, as the server saw them: `ok`, or the error."""
        return self._seen()["grants"].get("refresh_token", {})

    def forget(self):
        """Counts from zero again."""
        self.http.open(f"{self.control}/_reset", data=b"").close()

    def takes(self, token):
        """Whether the token works: the userinfo endpoint names the person for it."""
        request = urllib.request.Request(f"{self.issuer}/me", headers={"Authorization": f"Bearer {token}"})
        try:
            with self.http.open(request) as reply:
                return json.load(reply)["sub"] == ACCOUNT
        except urllib.error.HTTPError as error:
            must(error.code == 401, f"userinfo answers {error.code}")
            return False

    def _seen(self):
        with self.http.open(f"{self.control}/_seen") as reply:
            return json.load(reply)


class Place:
    """A home and a runtime folder of a tool's own, and an environment that has nothing of the real one."""

    def __init__(self, name, ending):
        self.home, self.run, self.ca = TEMPORARY / name / "home", TEMPORARY / name / "run", TEMPORARY / "ca.pem"
        self.ending = ending
        self.env = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": str(self.home)}
        self.env["XDG_RUNTIME_DIR"] = str(self.run)
        for folder in ["config", "cache", "data", "state"]:
            (self.home / f".{folder}").mkdir(parents=True)
            self.env[f"XDG_{folder.upper()}_HOME"] = str(self.home / f".{folder}")
        self.run.mkdir(mode=0o700)

    def start(self, *command, stdin=None):
        """Starts a program that lives until the tool has been measured."""
        started = subprocess.Popen(
            command, env=self.env, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.ending.callback(end, started)
        if stdin:
            started.stdin.write(stdin)
        started.stdin.close()

    def desktop(self):
        """A D-Bus and a gnome-keyring that a password has unlocked, as after a login to a desktop."""
        address = f"unix:path={self.run / 'bus'}"
        self.env["DBUS_SESSION_BUS_ADDRESS"] = address
        self.start("dbus-daemon", "--session", "--nofork", "--nosyslog", f"--address={address}")
        eventually("D-Bus", lambda: self._asks_bus("ListNames"))
        self.start("gnome-keyring-daemon", "--foreground", "--components=secrets", "--unlock", stdin=b"correct horse")
        secrets = "string:org.freedesktop.secrets"
        eventually("the keyring", lambda: "true" in self._asks_bus("NameHasOwner", secrets))

    def _asks_bus(self, method, *arguments):
        send = ["dbus-send", "--session", "--print-reply", "--dest=org.freedesktop.DBus", "/org/freedesktop/DBus"]
        command = [*send, f"org.freedesktop.DBus.{method}", *arguments]
        return subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=PATIENCE).stdout


class Process:
    """A process of a tool; `token` is what it printed, if it succeeded, and `why` what it said if not."""

    def __init__(self, place, command):
        pipe = subprocess.PIPE
        # With `close_fds` it would be forked, not spawned, and the size of this interpreter would be in the figures.
        self.popen = subprocess.Popen(
            command, env=place.env, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True, close_fds=False
        )
        place.ending.callback(end, self.popen)

    def finish(self):
        stdout, stderr = self.popen.communicate(timeout=PATIENCE)
        self.token = stdout.strip() if self.popen.returncode == 0 else ""
        self.why = " ".join(stderr.split()) or f"exit {self.popen.returncode}"


def timed(place, command):
    began = time.perf_counter()
    process = Process(place, command)
    process.finish()
    return time.perf_counter() - began, process


def log_in(tool, place, server):
    """A device login from beginning to end, the person's part included."""
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "errors": "replace"}
    login = subprocess.Popen(tool.login, env=place.env, stdin=subprocess.DEVNULL, **output)
    place.ending.callback(end, login)
    patience = threading.Timer(PATIENCE, login.kill)
    patience.start()
    said, code = "", None
    for said_now in login.stdout:
        said += said_now
        # Tools show the code in many ways, the server makes it in one.
        if not code and (code := re.search(r"\b[A-Z]{4}-[A-Z]{4}\b", said_now)):
            page = f"{server.issuer}/device?user_code={code[0]}"
            env = {"PATH": os.environ["PATH"], "NODE_EXTRA_CA_CERTS": str(place.ca)}
            quietly("node", PROVIDER / "person.mjs", page, ACCOUNT, "approve", env=env)
    patience.cancel()
    must(login.wait() == 0 and code, f"the login failed:\n{said}")


def certify(folder):
    """A private CA and a certificate of it for `localhost`; MSAL speaks to https only, so all do."""
    (folder / "server.ext").write_text(
        "subjectAltName=DNS:localhost\nbasicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth\n"
    )
    key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
    ca = "-keyout ca.key -out ca.pem -addext keyUsage=critical,keyCertSign"
    for command in [
        f"req -x509 -days 2 -subj /CN=private-ca {key} {ca}",
        f"req -subj /CN=localhost {key} -keyout server.key -out server.csr",
        "x509 -req -days 2 -in server.csr -out server.pem -extfile server.ext -CA ca.pem -CAkey ca.key -CAcreateserial",
    ]:
        quietly("openssl", *command.split(), cwd=folder)


def install(*wanted):
    """Installs the Debian packages of the programs that are missing: "program package"."""
    missing = [package for program, package in (line.split(" ") for line in wanted) if not shutil.which(program)]
    if not missing:
        return
    must(shutil.which("apt-get"), f"please install {' '.join(missing)}")
    say(f"installing {' '.join(missing)} (apt-get)")
    sudo = [] if os.geteuid() == 0 else ["sudo"]
    quietly(*sudo, "apt-get", "update", "-qq")
    apt = ["apt-get", "install", "-y", "-qq", "--no-install-recommends"]
    quietly(*sudo, "env", "DEBIAN_FRONTEND=noninteractive", *apt, *missing)


def line(cells):
    print(f"| {' | '.join(cells)} |")


def eventually(what, happens):
    deadline = time.monotonic() + 20
    while not happens():
        must(time.monotonic() < deadline, f"{what} did not come")
        time.sleep(0.02)


def end(process):
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def text(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def quietly(*command, **options):
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    # No terminal to ask, unless there is something to read.
    stdin = {} if "input" in options else {"stdin": subprocess.DEVNULL}
    done = subprocess.run(command, **stdin, **output, **options)
    must(done.returncode == 0, f"{' '.join(map(str, command))} failed:\n{done.stdout}")


def must(condition, otherwise):
    if not condition:
        sys.exit(f"{sys.argv[0]}: {otherwise}")


def say(line):
    print(f"== {line}", file=sys.stderr, flush=True)
