"""A person with a browser, scripted: opens the page that the tool named, logs in, confirms the code, says yes or no.

    person.py VERIFICATION_URI_COMPLETE ACCOUNT approve|deny

Prints what the pages met are called, as JSON. `SSL_CERT_FILE` names a private CA. Each page of each server that runs on Python is
answered by its name.
"""

import html
import json
import re
import sys
import urllib.parse
import urllib.request

start, account, wish = sys.argv[1:]
query = urllib.parse.parse_qs(urllib.parse.urlsplit(start).query)
code = (query.get("user_code") or query.get("code"))[0]
browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())


def visit(url, fields=None):
    # Django wants to know where a form over TLS was.
    request = urllib.request.Request(url, fields and urllib.parse.urlencode(fields).encode(), {"referer": url})
    with browser.open(request) as reply:
        return reply.geturl(), reply.read().decode()


def answer(name, page, fields):
    """What this person puts into a form; nothing when the conversation is over."""
    yes = wish == "approve"
    match name:
        case "Log in":  # django-oauth-toolkit and Authlib, whose pages are ours
            return {"username": account, "password": account}
        case "Sign In":  # django-allauth
            return {"login": account, "password": account}
        case "Enter code displayed on device":  # django-oauth-toolkit
            assert fields.get("user_code") == code, f"the page does not show {code}: {fields}"
            return {}
        case "Acme requests access to the following scopes:":
            return {"action": "accept" if yes else "deny"}
        case "Confirm Device":  # django-allauth, and Authlib
            assert code in page, f"the page does not show {code}: {page}"
            return {"action": "confirm" if yes else "deny"}


names = []
url, page = visit(start)
for _step in range(6):
    # An error names the page, else its heading, else its title.
    headings = re.findall(r"<h1>\s*(.*?)\s*</h1>", page, re.S)
    errors = re.findall(r'errorlist[^>]*>.*?<li>(.*?)</li>', page, re.S)
    name = html.unescape((errors or headings or re.findall(r"<title>\s*(.*?)\s*</title>", page, re.S))[-1])
    names.append(name)
    inputs = [dict(re.findall(r'(\w+)="([^"]*)"', tag)) for tag in re.findall(r"<input[^>]*>", page)]
    fields = {field["name"]: html.unescape(field.get("value", "")) for field in inputs if "name" in field}
    reply = answer(name, page, fields)
    if reply is None:
        break
    url, page = visit(url, fields | reply)
print(json.dumps({"pages": names}))
