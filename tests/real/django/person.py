"""A person with a browser, scripted: opens the page that the tool named, logs in, confirms the code, says yes or no.

    person.py VERIFICATION_URI_COMPLETE ACCOUNT approve|deny

Prints what the pages met are called, as JSON. `SSL_CERT_FILE` names a private CA.
"""

import html
import json
import re
import sys
import urllib.parse
import urllib.request

start, account, wish = sys.argv[1:]
code = urllib.parse.parse_qs(urllib.parse.urlsplit(start).query)["user_code"][0]
browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())


def visit(url, fields=None):
    # Django wants to know where a form over TLS was.
    request = urllib.request.Request(url, fields and urllib.parse.urlencode(fields).encode(), {"referer": url})
    with browser.open(request) as reply:
        return reply.geturl(), reply.read().decode()


def answer(title, fields):
    """What this person puts into a form; nothing when the conversation is over."""
    if title == "Log in":
        return {"username": account, "password": account}
    if title == "Device code":
        assert fields.get("user_code") == code, f"the page does not show {code}: {fields}"
        return {}
    if title == "Accept or Deny":
        return {"action": "accept" if wish == "approve" else "deny"}


titles = []
url, page = visit(start)
for _step in range(6):
    # The document within the base template names the page.
    title = re.findall(r"<title>\s*(.*?)\s*</title>", page, re.S)[-1]
    errors = re.findall(r'errorlist[^>]*>.*?<li>(.*?)</li>', page, re.S)
    titles.append(html.unescape(errors[0] if errors else title))
    inputs = [dict(re.findall(r'(\w+)="([^"]*)"', tag)) for tag in re.findall(r"<input[^>]*>", page)]
    fields = {field["name"]: html.unescape(field.get("value", "")) for field in inputs if "name" in field}
    reply = None if errors else answer(title, fields)
    if reply is None:
        break
    url, page = visit(url, fields | reply)
titles += re.findall(r"<h1>\s*(Device \w.*?)\s*</h1>", page)
print(json.dumps({"pages": titles}))
