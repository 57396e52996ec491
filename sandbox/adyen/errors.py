"""Refusals in Adyen's words: one document for payments and disputes, another (RFC 7807) for the platform."""

from typing import Any

Json = dict[str, Any]

_PROBLEMS_UNDER = ("/adyen/btl/", "/adyen/bcl/")
_TITLES = {
    400: "Bad request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not found",
    422: "Invalid request",
}


class AdyenError(Exception):
    """An answer that explains why nothing was done."""

    def __init__(self, status: int, code: str, message: str, *, kind: str = "validation") -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.kind = kind

    def body(self, path: str, *, reference: str) -> Json:
        """The document, in the form of the API that was asked."""
        if not path.startswith(_PROBLEMS_UNDER):
            return {
                "status": self.status,
                "errorCode": self.code,
                "message": str(self),
                "errorType": self.kind,
                "pspReference": reference,
            }
        return {
            "type": "https://docs.adyen.com/errors/" + self.kind,
            "title": _TITLES.get(self.status, "Error"),
            "status": self.status,
            "detail": str(self),
            "requestId": reference,
            "errorCode": self.code,
        }


def invalid(message: str, *, code: str = "702") -> AdyenError:
    """The request cannot be carried out as it stands."""
    return AdyenError(422, code, message)


def not_found(what: str) -> AdyenError:
    """There is no such thing on this platform."""
    return AdyenError(422, "30_112", f"No {what} was found.")


def unauthenticated() -> AdyenError:
    """The API key is missing or not one of ours."""
    return AdyenError(401, "000", "HTTP Status Response - Unauthorized", kind="security")


def forbidden() -> AdyenError:
    """The key may not do this, or not for this account."""
    return AdyenError(403, "901", "Invalid Merchant Account", kind="security")
