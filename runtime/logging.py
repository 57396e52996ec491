"""Logs: one JSON object a line, with the request's id, and with nothing in it that must not be read."""

from __future__ import annotations

import logging
import re
import sys
from typing import TYPE_CHECKING, Any

import structlog

from runtime.card_numbers import card_numbers

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from structlog.typing import EventDict, Processor, WrappedLogger

_HIDDEN = "[hidden]"

# By name: whatever is called like a secret is one.
_SECRET_NAMES = re.compile(
    r"(?:^|_)(?:authorization|client_secret|cookie|credentials?|cvc|cvv|ephemeral_key|pan|password|passwords|passwd|secret"
    r"|secrets|secret_key|signature|ssn|tax_id|tin|ein|itin|token|access_token|refresh_token|api_key|card_number)$",
    re.IGNORECASE,
)

# By shape, wherever it stands in a text, a traceback included.
_SECRET_SHAPES = (
    re.compile(r"\b(?:hfa|hfr)_[A-Za-z0-9_.\-]{16,}"),
    re.compile(r"\b(?:sk|rk)_(?:live|test)_[A-Za-z0-9]+"),
    re.compile(r"\bwhsec_[A-Za-z0-9+/=]+"),
    re.compile(r"\b(?:pi|seti|cuss|accs)_(?:[A-Za-z0-9_]*_)?secret_[A-Za-z0-9_]+"),
    re.compile(r"\bek_(?:live|test)_[A-Za-z0-9]+"),
    re.compile(r"(?i)\bbearer\s+\S+"),
    re.compile(r"\$argon2\S+"),
    # The user and password of a URL; the last @ is the one before the host.
    re.compile(r"(?<=://)[^/\s:@]*:[^/\s]+(?=@)"),
    # Social security, individual and employer numbers as the tax office writes them.
    re.compile(r"(?<!\d)\d{3}-\d{2}-\d{4}(?!\d)"),
    re.compile(r"(?<!\d)\d{2}-\d{7}(?!\d)"),
)
_EMAIL = re.compile(r"([A-Za-z0-9])[A-Za-z0-9.!#$%&'*+/=?^_`{|}~\-]*@([A-Za-z0-9.\-]+\.[A-Za-z]{2,})")


def configure(level: str) -> None:
    """Write every log of this process, the libraries' too, as JSON to standard output, without secrets."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = _StandardOutput()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                redact,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # They write addresses with everything in them.
    for name in ("werkzeug", "granian.access", "gunicorn.access"):
        logging.getLogger(name).setLevel(logging.ERROR)
    # It tells at every look at the version that it looks.
    logging.getLogger("alembic").setLevel(logging.WARNING)


class _StandardOutput(logging.Handler):
    # Looked up for every line, so that the logs go wherever the output has been sent meanwhile.
    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stdout.write(self.format(record) + "\n")
            sys.stdout.flush()
        except Exception:  # noqa: BLE001 - a log that cannot be written must not end the work it is about
            self.handleError(record)


def redact(_: WrappedLogger, __: str, event: EventDict) -> MutableMapping[str, Any]:
    """The event with everything hidden that must not be read in a log."""
    return {name: _clean(name, value) for name, value in event.items()}


def _clean(name: str, value: Any) -> Any:  # noqa: ANN401 - whatever was logged
    if value is not None and _SECRET_NAMES.search(name):
        return _HIDDEN
    if isinstance(value, dict):
        return {redacted(str(key)): _clean(str(key), below) for key, below in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean("", each) for each in value]
    if isinstance(value, bool | float | None) or (isinstance(value, int) and abs(value) < 10**12):
        return value
    return redacted(str(value))


def redacted(text: str) -> str:
    """The text with secrets, card and tax numbers hidden and e-mail addresses cut to their first letter and domain."""
    for shape in _SECRET_SHAPES:
        text = shape.sub(_HIDDEN, text)
    text = _EMAIL.sub(r"\1***@\2", text)
    # A line with a card number goes as a whole: where exactly it stands, grouped as it may be, is not worth a risk.
    return "\n".join(_HIDDEN if any(card_numbers(line)) else line for line in text.split("\n"))
