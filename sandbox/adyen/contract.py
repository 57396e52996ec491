"""What Adyen's public OpenAPI documents say of a request, an answer or a notification.

The documents are not part of this repository; where they, or what reads them, are missing nothing is checked.
"""

import gzip
import importlib
import importlib.util
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sandbox.adyen.errors import Json

_BESIDE_THE_REPOSITORY = Path(__file__).parents[3] / "shared/data/adyen"
PATH = Path(os.environ.get("ADYEN_SPECS", _BESIDE_THE_REPOSITORY))
ABSENT = (
    "Adyen's OpenAPI documents are not on this machine: gzip json/*.json of github.com/Adyen/adyen-openapi as"
    " adyen-<name>.json.gz and name the folder in ADYEN_SPECS"
)

_UNDER = {
    "/adyen/checkout/v72": "CheckoutService-v72",
    "/adyen/btl/v4": "TransferService-v4",
    "/adyen/bcl/v2": "BalancePlatformService-v2",
    "/adyen/lem/v4": "LegalEntityService-v4",
    "/adyen/ca/services/DisputeService/v30": "DisputeService-v30",
}
# On docs.adyen.com/api-explorer/Webhooks/1, and not in the document yet.
_LIKE = {"DISPUTE_OPENED_WITH_CHARGEBACK": "NOTIFICATION_OF_CHARGEBACK"}
_STANDARD = "Webhooks-v1"
_OF_PLATFORM = ("BalancePlatformTransferNotification-v4", "BalancePlatformConfigurationNotification-v2")
# Only the tests need it, so the sandbox of a demo runs without.
_LIBRARY = "jsonschema_rs"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


@cache
def is_there() -> bool:
    """Whether anything can be checked."""
    return (
        importlib.util.find_spec(_LIBRARY) is not None and PATH.is_dir() and any(PATH.glob("adyen-*.json.gz"))
    )


@dataclass(frozen=True)
class Operation:
    """One call of Adyen's, as its document describes it."""

    document: str
    described: Json

    def problems(self, query: Mapping[str, str], body: Json | None) -> Iterator[str]:
        """What is wrong with the parameters and the body of a request."""
        yield from self._query_problems(query)
        wanted = self.described.get("requestBody", {}).get("content", {}).get("application/json")
        if wanted is not None:
            yield from _problems(self.document, wanted["schema"], body or {})
        elif body:
            yield "a body where none is read"

    def answer_problems(self, status: int, body: Json) -> Iterator[str]:
        """What is wrong with an answer of the peer's own."""
        answer = self.described["responses"].get(str(status), {}).get("content", {}).get("application/json")
        if answer is not None and "schema" in answer:
            yield from _problems(self.document, answer["schema"], body)

    def _query_problems(self, query: Mapping[str, str]) -> Iterator[str]:
        known = {each["name"]: each for each in map(self._parameter, self.described.get("parameters", ()))}
        for name, parameter in known.items():
            if parameter["in"] == "query" and parameter.get("required") and name not in query:
                yield f"{name} is required"
        for name, value in query.items():
            if known.get(name, {}).get("in") != "query":
                yield f"there is no parameter {name}"
            elif value not in known[name]["schema"].get("enum", (value,)):
                yield f"{name} is none of the words it can be"

    def _parameter(self, parameter: Json) -> Json:
        return _resolved(self.document, parameter)


def operation_for(method: str, path: str) -> Operation | None:
    """The call a request makes, if Adyen has one."""
    for prefix, document in _UNDER.items():
        if path.startswith(prefix + "/"):
            return _operation(document, method, path.removeprefix(prefix))
    return None


def notification_problems(body: Json) -> Iterator[str]:
    """What is wrong with a notification of the peer's own."""
    if "notificationItems" not in body:
        name = next((each for each in _OF_PLATFORM if body["type"] in _document(each)["webhooks"]), None)
        if name is None:
            yield f"there is no notification {body['type']}"
            return
        yield from _problems(name, _received(_document(name)["webhooks"][body["type"]]), body)
        return
    for wrapped in body["notificationItems"]:
        code = wrapped["NotificationRequestItem"]["eventCode"]
        described = _document(_STANDARD)["webhooks"].get(f"/{_LIKE.get(code, code)}")
        if described is None:
            yield f"there is no notification {code}"
        else:
            alone = body | {"notificationItems": [wrapped]}
            # The document lists fewer codes in its fields than it has notifications.
            known = _problems(_STANDARD, _received(described), alone)
            yield from (problem for problem in known if not problem.endswith(".eventCode"))


def _received(described: Json) -> Json:
    schema: Json = described["post"]["requestBody"]["content"]["application/json"]["schema"]
    return schema


def _operation(document: str, method: str, path: str) -> Operation | None:
    found = [
        (template, described[method.lower()])
        for template, described in _document(document)["paths"].items()
        if method.lower() in described and _pattern(template).fullmatch(path)
    ]
    # The literal path wins over the one with a placeholder.
    best = min(found, key=lambda pair: pair[0].count("{"), default=None)
    return None if best is None else Operation(document, best[1])


@cache
def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{\w+\}", "[^/]+", template))


@cache
def _document(name: str) -> Json:
    with gzip.open(PATH / f"adyen-{name}.json.gz") as packed:
        found: Json = json.load(packed)
    return found


def _problems(document: str, schema: Json, value: object) -> Iterator[str]:
    for error in _validator(document, json.dumps(schema, sort_keys=True)).iter_errors(value):
        yield f"{error.message} at {'.'.join(map(str, error.instance_path))}"
    yield from _unknown(document, schema, value, "")


@cache
def _validator(document: str, schema: str) -> Any:  # noqa: ANN401 - a class of the library's own
    components = {"schemas": _document(document)["components"]["schemas"]}
    library = importlib.import_module(_LIBRARY)
    return library.validator_for(json.loads(schema) | {"$schema": _DIALECT, "components": components})


def _unknown(document: str, schema: Json, value: object, at: str) -> Iterator[str]:
    """Fields that no document knows: Adyen ignores them, and so nothing that depends on them would work."""
    resolved = _resolved(document, schema)
    if isinstance(value, list) and "items" in resolved:
        for each in value:
            yield from _unknown(document, resolved["items"], each, at)
    if isinstance(value, dict):
        fields = _fields(document, resolved)
        for name, part in value.items() if fields else ():
            if name in fields:
                yield from _unknown(document, fields[name], part, f"{at}.{name}")
            else:
                yield f"there is no field {at}.{name}"


def _fields(document: str, schema: Json) -> Json:
    fields: Json = dict(schema.get("properties", {}))
    for each in (*schema.get("oneOf", ()), *schema.get("allOf", ()), *schema.get("anyOf", ())):
        fields |= _fields(document, _resolved(document, each))
    return fields


def _resolved(document: str, schema: Json) -> Json:
    while "$ref" in schema:
        found: Any = _document(document)
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    return schema
