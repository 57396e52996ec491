"""Metadata: up to fifty names and values of the caller's own."""

from sandbox.stripe.errors import Json, invalid

_MOST_KEYS = 50
_LONGEST_KEY = 40
_LONGEST_VALUE = 500


def merged(before: Json, given: object) -> Json:
    """The metadata after an update: an empty value unsets its key, an empty text all of them."""
    if given is None:
        return before
    if not isinstance(given, dict):
        return {}
    after = before | given
    after = {key: value for key, value in after.items() if value != ""}
    _check(after)
    return after


def _check(metadata: Json) -> None:
    if len(metadata) > _MOST_KEYS:
        raise invalid(f"Metadata can have up to {_MOST_KEYS} keys.", param="metadata")
    for key, value in metadata.items():
        if len(key) > _LONGEST_KEY:
            raise invalid(f"Metadata keys can have up to {_LONGEST_KEY} characters.", param="metadata")
        if len(value) > _LONGEST_VALUE:
            raise invalid(
                f"Metadata values can have up to {_LONGEST_VALUE} characters, but you passed in a "
                f"value that is {len(value)} characters. Invalid value: {value}",
                param=f"metadata[{key}]",
            )
