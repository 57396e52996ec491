"""What Stripe's API accepts, read from the source of the installed `stripe` package.

Nothing is copied from the SDK: an upgrade of `stripe` is an upgrade of this contract.
"""

import ast
import importlib.util
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeGuard

from sandbox.stripe.wire_types import (
    Anything,
    Choice,
    Cleared,
    Dictionary,
    Field,
    Kind,
    Listing,
    Number,
    OneOf,
    Record,
    Text,
    Truth,
    Whole,
)

_PLAIN: dict[str, Kind] = {
    "str": Text(),
    "int": Whole(),
    "float": Number(),
    "Decimal": Number(),
    "bool": Truth(),
    "Any": Anything(),
}
_VERBS = frozenset({"get", "post", "delete"})


@dataclass(frozen=True)
class Operation:
    """One call of Stripe's API and the parameters it takes."""

    method: str
    template: str
    parameters: Record

    @property
    def pattern(self) -> re.Pattern[str]:
        """Matches the paths of this operation and names their parts."""
        return path_pattern(self.template)


@cache
def path_pattern(template: str) -> re.Pattern[str]:
    """The expression for a path such as `/v1/payouts/{payout}`."""
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template))


def operation_for(method: str, path: str) -> Operation | None:
    """The operation a request addresses, if Stripe has one."""
    matching = [
        operation
        for operation in _operations_under(_resource(path))
        if operation.method == method and operation.pattern.fullmatch(path)
    ]
    # `/v1/payment_intents/search` is not a payment intent called "search".
    return min(matching, key=lambda found: found.template.count("{"), default=None)


def every_operation() -> list[Operation]:
    """All operations of the first version of the API, which is the one that is form-encoded."""
    return [
        operation
        for text in _service_sources()
        for operation in _operations_in(ast.parse(text))
        if operation.template.startswith("/v1/")
    ]


def _resource(path: str) -> str:
    return "/".join(path.split("/")[:3])


@cache
def _operations_under(resource: str) -> tuple[Operation, ...]:
    # Only the service modules that mention the resource are parsed: all of them take a second.
    mention = re.compile(rf'"{re.escape(resource)}["/]')
    return tuple(
        operation
        for text in _service_sources()
        if mention.search(text)
        for operation in _operations_in(ast.parse(text))
        if _resource(operation.template) == resource
    )


@cache
def _service_sources() -> tuple[str, ...]:
    return tuple(file.read_text(encoding="utf-8") for file in sorted(package().rglob("_*_service.py")))


@cache
def package() -> Path:
    """Where the installed `stripe` package is."""
    spec = importlib.util.find_spec("stripe")
    if spec is None or spec.origin is None:
        raise LookupError("the stripe package is not installed")
    return Path(spec.origin).parent


def _operations_in(module: ast.Module) -> Iterator[Operation]:
    homes = _imports(module)
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef):
            for method, template in _requests(node):
                yield Operation(method.upper(), template, _parameters(node, homes))


def _requests(function: ast.FunctionDef) -> Iterator[tuple[str, str]]:
    for node in ast.walk(function):
        if _is_request(node):
            verb, address = node.args[0], node.args[1]
            if isinstance(verb, ast.Constant) and verb.value in _VERBS:
                yield verb.value, _literal(address)


def _is_request(node: ast.AST) -> TypeGuard[ast.Call]:
    return (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "_request"
    )


def _literal(address: ast.expr) -> str:
    if isinstance(address, ast.Call) and isinstance(address.func, ast.Attribute):
        address = address.func.value
    if isinstance(address, ast.Constant):
        return str(address.value)
    raise TypeError(f"a path that is not literal: {ast.unparse(address)}")


def _parameters(function: ast.FunctionDef, homes: Mapping[str, Path]) -> Record:
    for argument in [*function.args.args, *function.args.kwonlyargs]:
        if argument.arg == "params" and argument.annotation is not None:
            name = _class_named(argument.annotation)
            return _record(homes[name], name)
    return Record("none", dict)


def _class_named(annotation: ast.expr) -> str:
    words: list[str] = re.findall(r"\w+", ast.unparse(annotation))
    return next(word for word in words if word not in {"Optional", "Union", "None"})


def _imports(module: ast.Module) -> dict[str, Path]:
    return {
        alias.name: package().joinpath(*node.module.split(".")[1:]).with_suffix(".py")
        for node in ast.walk(module)
        if isinstance(node, ast.ImportFrom) and node.module and ".params" in node.module
        for alias in node.names
    }


def _record(file: Path, name: str) -> Record:
    return Record(name, lambda: _fields(file, name))


@cache
def _fields(file: Path, name: str) -> dict[str, Field]:
    definition = _definitions(file)[name]
    if isinstance(definition, ast.Call):
        return _fields_of_call(definition, file)
    fields: dict[str, Field] = {}
    for base in definition.bases:
        if isinstance(base, ast.Name) and base.id in _definitions(file):
            fields |= _fields(file, base.id)
    for statement in definition.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            fields[statement.target.id] = _field(statement.annotation, file)
    return fields


def _fields_of_call(definition: ast.Call, file: Path) -> dict[str, Field]:
    # `TypedDict("Name", {"in": ...})`, used where a parameter's name is a Python keyword.
    mapping = definition.args[1]
    if not isinstance(mapping, ast.Dict):
        raise TypeError(f"unexpected definition: {ast.unparse(definition)}")
    return {
        str(key.value): _field(value, file)
        for key, value in zip(mapping.keys, mapping.values, strict=True)
        if isinstance(key, ast.Constant)
    }


@cache
def _definitions(file: Path) -> dict[str, ast.ClassDef | ast.Call]:
    found: dict[str, ast.ClassDef | ast.Call] = {}
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef):
            found[node.name] = node
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            found[ast.unparse(node.targets[0])] = node.value
    return found


def _field(annotation: ast.expr, file: Path) -> Field:
    annotation = _unquoted(annotation)
    if _generic(annotation) == "NotRequired":
        return Field(_kind(_arguments(annotation)[0], file), required=False)
    return Field(_kind(annotation, file), required=True)


def _kind(annotation: ast.expr, file: Path) -> Kind:
    annotation = _unquoted(annotation)
    options = [option for option in _alternatives(annotation) if not _is_sdk_object(option)]
    if len(options) > 1:
        return _choice([_single(option, file) for option in options])
    return _single(options[0], file)


def _choice(options: list[Kind]) -> Kind:
    # The SDK types an enum as `Literal[...] | str` so that old clients survive new words;
    # on the wire Stripe takes the listed words only.
    if any(isinstance(option, OneOf) for option in options):
        options = [option for option in options if not isinstance(option, Text)]
    return options[0] if len(options) == 1 else Choice(tuple(options))


def _single(annotation: ast.expr, file: Path) -> Kind:
    annotation = _unquoted(annotation)
    generic = _generic(annotation)
    if generic == "Literal":
        return _words([ast.literal_eval(word) for word in _arguments(annotation)])
    if generic == "List":
        return Listing(_kind(_arguments(annotation)[0], file))
    if generic == "Dict":
        return Dictionary(_kind(_arguments(annotation)[1], file))
    name = ast.unparse(annotation)
    return _PLAIN[name] if name in _PLAIN else _record(file, name)


def _words(words: list[str]) -> Kind:
    return Cleared() if words == [""] else OneOf(tuple(words))


def _alternatives(annotation: ast.expr) -> list[ast.expr]:
    annotation = _unquoted(annotation)
    if isinstance(annotation, ast.BinOp):
        return [*_alternatives(annotation.left), *_alternatives(annotation.right)]
    if _generic(annotation) in {"Union", "Optional"}:
        return [option for argument in _arguments(annotation) for option in _alternatives(argument)]
    return [annotation]


def _is_sdk_object(annotation: ast.expr) -> bool:
    # `Dict[str, str] | UntypedStripeObject[str]`: the same thing twice, on the wire.
    return _generic(_unquoted(annotation)) == "UntypedStripeObject"


def _generic(annotation: ast.expr) -> str | None:
    if isinstance(annotation, ast.Subscript) and isinstance(annotation.value, ast.Name):
        return annotation.value.id
    return None


def _arguments(annotation: ast.expr) -> list[ast.expr]:
    if not isinstance(annotation, ast.Subscript):
        raise TypeError(f"not a generic type: {ast.unparse(annotation)}")
    inner = annotation.slice
    return inner.elts if isinstance(inner, ast.Tuple) else [inner]


def _unquoted(annotation: ast.expr) -> ast.expr:
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return ast.parse(annotation.value, mode="eval").body
    return annotation
