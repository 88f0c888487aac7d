"""Validates events, one JSON object a line on standard input, against the schema of their class; prints what is wrong, and exits 1."""

import json
import sys

import jsonschema
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

schema = OcsfJsonSchemaEmbedded(get_ocsf_schema(version="1.8.0"))
validators = {}


def validator(class_uid):
    if class_uid not in validators:
        name = schema.lookup_class_name_from_uid(class_uid)
        profiles = ["host", "security_control"]
        validators[class_uid] = jsonschema.Draft202012Validator(schema.get_class_schema(class_name=name, profiles=profiles))
    return validators[class_uid]


wrong = count = 0
for number, line in enumerate(sys.stdin, 1):
    event = json.loads(line)
    count += 1
    errors = [f"{'/'.join(map(str, error.path))}: {error.message[:300]}" for error in validator(event["class_uid"]).iter_errors(event)]
    # The schema does not say this.
    if event.get("type_uid") != event["class_uid"] * 100 + event["activity_id"]:
        errors.append("type_uid: not class_uid * 100 + activity_id")
    for error in errors:
        print(f"line {number}, {event.get('metadata', {}).get('event_code')}: {error}")
    wrong += bool(errors)
print(f"{count} events, {wrong} wrong")
sys.exit(1 if wrong or not count else 0)
