"""Refusals in PayPal's words."""

from sandbox.controls import Refusal
from sandbox.world import Json

_MESSAGES = {
    "INVALID_REQUEST": "Request is not well-formed, syntactically incorrect, or violates schema.",
    "NOT_AUTHORIZED": "Authorization failed due to insufficient permissions.",
    "RESOURCE_NOT_FOUND": "The specified resource does not exist.",
    "RESOURCE_CONFLICT": "The server has detected a conflict while processing this request.",
    "UNPROCESSABLE_ENTITY": "The requested action could not be performed, semantically incorrect, or failed business "
    "validation.",
    "INTERNAL_SERVER_ERROR": "An internal server error occurred.",
    "SERVICE_UNAVAILABLE": "Service Unavailable.",
    "RATE_LIMIT_REACHED": "Too many requests. Blocked due to rate limiting.",
}


class PayPalError(Refusal):
    """An answer other than success, with PayPal's error document."""

    def __init__(self, status: int, name: str, *, message: str = "", details: tuple[Json, ...] = ()) -> None:
        said = message or _MESSAGES[name]
        super().__init__(said)
        self.status = status
        self.body: Json = {"name": name, "message": said, "details": list(details), "links": []}

    @property
    def issue(self) -> str:
        """What it is about, in one word."""
        details = self.body["details"]
        return str(details[0]["issue"] if details else self.body["name"])


class TokenError(Refusal):
    """Who asks is not known: the OAuth form of a refusal."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.status = 401
        self.body: Json = {"error": error, "error_description": description}


def invalid(issue: str, description: str, *, field: str = "") -> PayPalError:
    """The request cannot be read as it stands."""
    detail = {"field": field, "location": "body", "issue": issue, "description": description}
    return PayPalError(400, "INVALID_REQUEST", details=(detail,))


def unprocessable(issue: str, description: str, *, links: tuple[Json, ...] = ()) -> PayPalError:
    """The request is well-formed and cannot be carried out."""
    refusal = PayPalError(
        422, "UNPROCESSABLE_ENTITY", details=({"issue": issue, "description": description},)
    )
    refusal.body["links"] = list(links)
    return refusal


def not_found(object_id: str) -> PayPalError:
    """PayPal has no such thing."""
    detail = {
        "issue": "INVALID_RESOURCE_ID",
        "description": f"Specified resource ID does not exist: {object_id}.",
    }
    return PayPalError(404, "RESOURCE_NOT_FOUND", details=(detail,))
