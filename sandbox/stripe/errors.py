"""Refusals in Stripe's words."""

from typing import Any

from sandbox.controls import Refusal

Json = dict[str, Any]


class StripeError(Refusal):
    """An answer other than 200, with Stripe's error body."""

    def __init__(self, status: int, kind: str, message: str, **details: object) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": _described(kind, message, details)}

    @property
    def code(self) -> str | None:
        """Stripe's stable code, where Stripe gives one."""
        code: str | None = self.body["error"].get("code")
        return code


def _described(kind: str, message: str, details: dict[str, object]) -> Json:
    error: Json = {"message": message, "type": kind}
    error |= {name: value for name, value in details.items() if value is not None}
    if "code" in error:
        slug = str(error["code"]).replace("_", "-")
        error["doc_url"] = f"https://stripe.com/docs/error-codes/{slug}"
    return error


def invalid(
    message: str, *, code: str | None = None, param: str | None = None, status: int = 400
) -> StripeError:
    """The request cannot be carried out as it stands."""
    return StripeError(status, "invalid_request_error", message, code=code, param=param)


def no_such(kind: str, object_id: str, *, param: str | None = None) -> StripeError:
    """The account has no such object; a 404 when the address itself names it."""
    return invalid(
        f"No such {kind}: '{object_id}'",
        code="resource_missing",
        param=param or "id",
        status=400 if param else 404,
    )


def unauthenticated(message: str) -> StripeError:
    """The API key is missing, unknown or not allowed here."""
    return StripeError(401, "invalid_request_error", message)


def declined(message: str, **details: object) -> StripeError:
    """The customer's bank said no."""
    return StripeError(402, "card_error", message, **details)
