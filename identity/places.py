"""Where people are: countries, languages and time zones as the world lists them."""

from __future__ import annotations

import re
from functools import cache
from zoneinfo import available_timezones

from babel import Locale, UnknownLocaleError

from kernel.refusals import Invalid

# Territories of the locale data that are not countries: unions, pseudo-locales, the unknown one.
_NOT_COUNTRIES = {"EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"}
_CODE_LENGTH = 2
_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", re.ASCII)


class CountryUnknown(Invalid):
    """The country is not an ISO 3166 code."""

    code = "country_unknown"


class LocaleUnknown(Invalid):
    """The locale is not a language (and region) that Holdfast can write in."""

    code = "locale_unknown"


class TimeZoneUnknown(Invalid):
    """The time zone is not in the IANA database."""

    code = "time_zone_unknown"


def country(code: str) -> str:
    """The country with this code."""
    if code not in _countries():
        raise CountryUnknown("Write the country as two capitals, such as US.", field="country")
    return code


def locale(tag: str) -> str:
    """The locale with this tag."""
    # Babel reads an encoding and a modifier as well, which may be anything: `en-US.x@y`.
    if not _TAG.fullmatch(tag) or not _is_known(tag):
        raise LocaleUnknown("Write the locale as a language and a region, such as en-US.", field="locale")
    return tag


def time_zone(name: str) -> str:
    """The time zone with this name."""
    if name not in _time_zones():
        raise TimeZoneUnknown("Write the time zone as in America/New_York.", field="time_zone")
    return name


def _is_known(tag: str) -> bool:
    try:
        Locale.parse(tag, sep="-")
    except (UnknownLocaleError, ValueError):
        return False
    return True


@cache
def _countries() -> frozenset[str]:
    territories = (str(code) for code in Locale("en").territories)
    return frozenset(code for code in territories if len(code) == _CODE_LENGTH and code not in _NOT_COUNTRIES)


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())
