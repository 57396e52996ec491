"""Amounts, days and instants as the reader of a receipt writes them, in letters that the page can show."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time, get_timezone_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from kernel.money import Money

# Stands where the font of the page has no letter; the attached receipt has it.
_MISSING = "\u00b7"


class Writing:
    """How one reader writes; `draws` says of a letter whether the page has it."""

    def __init__(self, locale: str, time_zone: str, draws: Callable[[str], bool]) -> None:
        self._locale = Locale.parse(locale, sep="-")
        self._english = _english(self._locale)
        self._zone = ZoneInfo(time_zone)
        self._draws = draws

    def amount(self, money: Money) -> str:
        """The amount in the reader's own form, or in the English one where its letters are missing."""
        own = money.format(str(self._locale))
        return own if all(map(self._draws, own)) else money.format("en_US")

    def day(self, day: date) -> str:
        """The day, in the language of the page and the order of the reader's country."""
        return str(format_date(day, format="long", locale=self._english))

    def instant(self, instant: datetime) -> str:
        """The instant in the reader's zone, which is named."""
        local = instant.astimezone(self._zone)
        time = format_time(local, format="short", tzinfo=self._zone, locale=self._english)
        zone = get_timezone_name(local, width="long", locale=self._english)
        return f"{self.day(local.date())}, {time} ({zone})"

    def parsed(self, text: str) -> datetime:
        """The instant that is written in a seal."""
        return datetime.fromisoformat(text)

    def drawable(self, text: str) -> str:
        """The text, with a dot for every letter that the page cannot show."""
        return "".join(letter if self._draws(letter) else _MISSING for letter in text)


def _english(locale: Locale) -> Locale:
    if locale.language == "en":
        return locale
    try:
        return Locale("en", locale.territory)
    except UnknownLocaleError:
        return Locale("en", "US")
