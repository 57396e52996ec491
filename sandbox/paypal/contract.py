"""What PayPal itself publishes about its API: every request is held against it, where the documents are at hand."""

import gzip
import importlib.util
import json
import os
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sandbox.paypal.router import path_pattern
from sandbox.world import Json

_BESIDE_THE_REPOSITORY = "shared/data/paypal"


@dataclass(frozen=True)
class Operation:
    """One operation of one document."""

    document: str
    template: str
    values: Json

    @property
    def root(self) -> Json:
        """The document it stands in."""
        return _documents()[self.document]


def why_unchecked() -> str | None:
    """Why requests are not held against PayPal's documents; None when they are."""
    if importlib.util.find_spec("jsonschema_rs") is None:
        return "jsonschema_rs, which comes with the requirements of the tests, is not installed"
    if not _documents():
        return (
            "PayPal's OpenAPI documents are not on this machine: gzip openapi/*.json of"
            " github.com/paypal/paypal-rest-api-specifications and name their folder in PAYPAL_OPENAPI"
        )
    return None


def breaches(method: str, path: str, query: dict[str, str], headers: dict[str, str], body: Any) -> list[str]:  # noqa: ANN401 - JSON
    """Everything in a request that PayPal's documents do not allow; nothing when there are none."""
    if why_unchecked() is not None:
        return []
    found = _operation(method, path)
    if found is None:
        return [f"PayPal documents no {method} {path}"]
    operation, parts = found
    told = list(_parameter_breaches(operation, parts, query, headers))
    return told + list(_body_breaches(operation, body))


def _operation(method: str, path: str) -> tuple[Operation, dict[str, str]] | None:
    for name, document in _documents().items():
        for template, operations in document["paths"].items():
            match = path_pattern(template).fullmatch(path)
            if match and method.lower() in operations:
                return Operation(name, template, operations[method.lower()]), match.groupdict()
    return None


def _parameter_breaches(
    operation: Operation, parts: dict[str, str], query: dict[str, str], headers: dict[str, str]
) -> list[str]:
    told, known = [], set()
    for parameter in _parameters(operation):
        place, name = parameter["in"], parameter["name"]
        known.add((place, name))
        given = {"path": parts, "query": query}.get(place, headers)
        value = given.get(name.lower() if place == "header" else name)
        if value is None:
            if parameter.get("required"):
                told.append(f"{place} parameter {name} is missing")
            continue
        told += [
            f"{name}: {each}" for each in _plain_breaches(_resolved(operation, parameter["schema"]), value)
        ]
    return told + [f"query parameter {name} is not known" for name in query if ("query", name) not in known]


def _parameters(operation: Operation) -> list[Json]:
    shared = operation.root["paths"][operation.template].get("parameters", [])
    return [_resolved(operation, each) for each in [*operation.values.get("parameters", []), *shared]]


def _plain_breaches(schema: Json, value: str) -> list[str]:
    if schema.get("type") == "integer":
        number = int(value) if value.isdigit() else None
        fits = number is not None and schema.get("minimum", number) <= number <= schema.get("maximum", number)
        return [] if fits else [f"{value!r} is not an integer that is allowed"]
    if len(value) > schema.get("maxLength", len(value)) or len(value) < schema.get("minLength", 0):
        return [f"{value!r} is too long or too short"]
    if "pattern" in schema and re.search(schema["pattern"], value) is None:
        return [f"{value!r} does not match {schema['pattern']}"]
    return [f"{value!r} is none of {schema['enum']}"] if value not in schema.get("enum", [value]) else []


def _body_breaches(operation: Operation, body: Any) -> list[str]:  # noqa: ANN401 - JSON
    wanted = _resolved(operation, operation.values.get("requestBody", {}))
    kinds = wanted.get("content", {})
    if "multipart/form-data" in kinds:
        # The documents name the files alone; what the JSON beside them says is described with what comes of it.
        given = enumerate((body or {}).get("evidences", []))
        schema = {"$ref": "#/components/schemas/evidence"}
        return [each for index, one in given for each in _breaches_of(operation, schema, one, f"/{index}")]
    schema = kinds.get("application/json", {}).get("schema")
    if schema is None:
        return []
    if body is None:
        return ["the body is missing"] if wanted.get("required") else []
    return _breaches_of(operation, schema, body, "")


def _breaches_of(operation: Operation, schema: Json, value: Any, place: str) -> list[str]:  # noqa: ANN401 - JSON
    errors = _validator(operation.document, json.dumps(schema)).iter_errors(value)
    told = [f"{place}{_place(error.instance_path)}: {error.message}" for error in errors]
    return told + _unknown(operation, schema, value, place)


@cache
def _validator(document: str, schema: str) -> Any:  # noqa: ANN401 - a class of the tests' requirements
    import jsonschema_rs  # noqa: PLC0415 - it comes with the tests, and ./run goes without

    whole = json.loads(schema) | {"components": _documents()[document]["components"]}
    return jsonschema_rs.Draft4Validator(whole)


def _unknown(operation: Operation, schema: Json, value: Any, place: str) -> list[str]:  # noqa: ANN401 - JSON
    """Names that no part of the schema mentions, and those that only PayPal writes."""
    if isinstance(value, list):
        items = _merged(operation, schema).get("items", {})
        told: list[str] = []
        for index, item in enumerate(value):
            told += _unknown(operation, items, item, f"{place}/{index}")
        return told
    if not isinstance(value, dict):
        return []
    known = _merged(operation, schema).get("properties")
    if not known:
        return []
    told = []
    for name, inner in value.items():
        if name not in known:
            told.append(f"{place}/{name} is not known")
        elif _merged(operation, known[name]).get("readOnly"):
            told.append(f"{place}/{name} is written by PayPal alone")
        else:
            told += _unknown(operation, known[name], inner, f"{place}/{name}")
    return told


def _merged(operation: Operation, schema: Json) -> Json:
    schema = _resolved(operation, schema)
    merged: Json = {name: value for name, value in schema.items() if name != "properties"}
    properties = dict(schema.get("properties", {}))
    for part in [*schema.get("allOf", []), *schema.get("oneOf", []), *schema.get("anyOf", [])]:
        below = _merged(operation, part)
        properties |= below.get("properties", {})
        merged.setdefault("items", below.get("items", {}))
    return merged | ({"properties": properties} if properties else {})


def _resolved(operation: Operation, thing: Json) -> Json:
    while "$ref" in thing:
        found: Any = operation.root
        for part in thing["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        # What stands beside a reference is of the place, such as that only PayPal writes it.
        thing = {**found, **({"readOnly": True} if thing.get("readOnly") else {})}
    return thing


def _place(path: list[Any]) -> str:
    return "/" + "/".join(str(part) for part in path)


@cache
def _documents() -> dict[str, Json]:
    found = {}
    for file in sorted(_folder().glob("*.json.gz")):
        with gzip.open(file) as packed:
            document: Json = json.load(packed)
        # The reports' paths stand beneath their server's.
        if not any(path.startswith(("/v1", "/v2", "/v3")) for path in document["paths"]):
            document["paths"] = {f"/v1/reporting{path}": each for path, each in document["paths"].items()}
        found[file.name] = document
    return found


def _folder() -> Path:
    if "PAYPAL_OPENAPI" in os.environ:
        return Path(os.environ["PAYPAL_OPENAPI"])
    above = (parent / _BESIDE_THE_REPOSITORY for parent in Path(__file__).resolve().parents[2:])
    return next((folder for folder in above if folder.is_dir()), Path("/nonexistent"))
