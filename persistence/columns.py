"""Column types that mean the same on MariaDB and on SQLite, and the metadata all tables hang on."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BINARY,
    DateTime,
    Dialect,
    LargeBinary,
    MetaData,
    String,
    Text,
    TypeDecorator,
)
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.exc import DontWrapMixin
from sqlalchemy.orm import DeclarativeBase

from kernel import ids

if TYPE_CHECKING:
    from sqlalchemy.types import TypeEngine

# Written out on every table: the servers' default collations differ, and compare differently.
TABLE_OPTIONS = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mariadb_engine": "InnoDB",
    "mariadb_charset": "utf8mb4",
    "mariadb_collate": "utf8mb4_bin",
}


class Base(DeclarativeBase):
    """The parent of every table of Holdfast."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    __table_args__: Any = TABLE_OPTIONS


class AsciiText(TypeDecorator[str]):
    """Text of machines (keys, codes, states): ASCII, compared byte by byte."""

    impl = String
    cache_ok = True

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.length = length

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """On MariaDB its character set is written out; SQLite compares bytes anyway."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(self.length))
        return dialect.type_descriptor(mysql.VARCHAR(self.length, charset="ascii", collation="ascii_bin"))


def ascii_text(length: int) -> AsciiText:
    """A column of up to `length` ASCII characters."""
    return AsciiText(length)


class _IdNotStored(ids.IdUnknown, DontWrapMixin):
    """The same refusal, which SQLAlchemy lets through as it is."""


class Id(TypeDecorator[str]):
    """A prefixed id outside, sixteen bytes inside."""

    impl = BINARY(16)
    cache_ok = True

    def __init__(self, prefix: str) -> None:
        super().__init__()
        self.prefix = prefix

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """SQLite has no fixed binary; a blob compares the same."""
        return dialect.type_descriptor(LargeBinary(16) if dialect.name == "sqlite" else mysql.BINARY(16))

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002 - the type's signature
        """Refuses an id of another kind as not found, which is what it is."""
        try:
            return None if value is None else ids.decode(self.prefix, value)
        except ids.IdUnknown as unknown:
            raise _IdNotStored(unknown.detail) from None

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """The prefixed form."""
        return None if value is None else ids.encode(self.prefix, value)


class UtcDateTime(TypeDecorator[datetime]):
    """An instant with microseconds; aware and in UTC outside, without a zone inside."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """DATETIME(6): the default would cut the microseconds."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(sqlite.DATETIME())  # type: ignore[no-untyped-call]
        return dialect.type_descriptor(mysql.DATETIME(fsp=6))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """An instant without a zone is a bug of ours, not a guess to make."""
        if value is None:
            return None
        assert value.tzinfo is not None, "an instant needs its zone"
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """The instant, in UTC."""
        return None if value is None else value.replace(tzinfo=UTC)


class Json(TypeDecorator[Any]):
    """A small structure kept as text, because JSON columns differ between the engines."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: object, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Sorted keys, so that equal structures are equal texts."""
        return (
            None
            if value is None
            else json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        )

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ANN401, ARG002 - any JSON
        """The structure."""
        return None if value is None else json.loads(value)
