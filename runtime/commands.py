"""What all commands have in common: when what they lean on is not there, one line says so and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from click import ClickException
from flask.cli import AppGroup
from redis import RedisError
from sqlalchemy.exc import SQLAlchemyError

from kernel.refusals import Unavailable
from persistence.unit_of_work import database
from runtime.readiness import absence, missing

if TYPE_CHECKING:
    from click import Context


class Commands(AppGroup):
    """A group of commands that work on the database and the queues."""

    def invoke(self, ctx: Context) -> Any:  # noqa: ANN401 - click's signature
        """Run the command that was typed."""
        never_made = missing(database().engine.url)
        if never_made is not None:
            raise ClickException(never_made)
        try:
            return super().invoke(ctx)
        except (RedisError, SQLAlchemyError, Unavailable) as error:
            away = absence(error)
            if away is not None:
                raise ClickException(away) from None
            if isinstance(error, Unavailable):
                raise ClickException(error.detail) from None
            raise
