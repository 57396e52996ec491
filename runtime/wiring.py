"""Where the parts meet: the one place that names concrete things for a process."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from gateways import inbox
from gateways.stripe import client as stripe
from gateways.stripe.gateway import StripeGateway
from kernel.refusals import NotFound
from kernel.time import FileOffset, no_offset
from payments.routing import Route, read_routes
from persistence import clock, unit_of_work
from persistence.engine import Database
from persistence.unit_of_work import reading
from runtime.signing import keyring, signing_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateways.adyen.gateway import AdyenGateway
    from gateways.contract import Captures, Gateway, PaysIn, PaysOut, PaysUs, TakesCards, WarnsOfFraud
    from gateways.paypal.gateway import PayPalGateway
    from runtime.settings import Settings
    from runtime.signing import Keyring, SigningKey

Kind = TypeVar("Kind")

# Where a payment provider's page sends the payer.
_RETURN_TO = "/v1/checkout/returned"
# Where the settings do not say.
_EVERYTHING = (Route("stripe", "card"), Route("adyen", "card"), Route("paypal", "paypal"))

_built: list[Wiring] = []


class GatewayUnknown(NotFound):
    """There is no payment gateway of this name."""

    code = "gateway_unknown"


@dataclass(frozen=True)
class Wiring:
    """The settings of this process and what was built from them."""

    settings: Settings
    database: Database

    @cached_property
    def sealing_key(self) -> SigningKey:
        """What seals and receipts are signed with."""
        return signing_key(self.settings.SEALING_KEY.get_secret_value())

    @cached_property
    def sealing_keys(self) -> Keyring:
        """Whose signatures under seals and receipts count."""
        return keyring(self.sealing_key, self.settings.RETIRED_SEALING_KEYS)

    @cached_property
    def card_takers(self) -> Mapping[str, TakesCards]:
        """The gateways that keep cards for us, by name; nothing is sent to any gateway yet."""
        return {"stripe": self._stripe}

    @cached_property
    def pays_in(self) -> Mapping[str, PaysIn]:
        """The gateways through which clients pay, by name."""
        return {**self.card_takers, **self.warns_of_fraud, **self.captures}

    @cached_property
    def warns_of_fraud(self) -> Mapping[str, WarnsOfFraud]:
        """Those of them that hand on what the cards' networks suspect, by name."""
        return {"stripe": self._stripe} | ({"adyen": self._adyen} if self._adyen else {})

    @cached_property
    def captures(self) -> Mapping[str, Captures]:
        """Those of them at which the payer only agrees, by name."""
        return {"paypal": self._paypal} if self._paypal else {}

    @cached_property
    def pays_out(self) -> Mapping[str, PaysOut]:
        """The gateways through which workers are paid, by name."""
        return {"stripe": self._stripe}

    @cached_property
    def pays_us(self) -> Mapping[str, PaysUs]:
        """The gateways that pay what is ours out to our bank when we say so, by name."""
        return {"stripe": self._stripe}

    @property
    def gateways(self) -> Mapping[str, Gateway]:
        """All of them, by name."""
        return {**self.pays_in, **self.pays_out}

    @cached_property
    def routes(self) -> Sequence[Route]:
        """Which gateway collects what: as the settings say, but for gateways that are not here."""
        said = read_routes(self.settings.GATEWAY_ROUTES) or _EVERYTHING
        return tuple(route for route in said if route.gateway in self.pays_in)

    @cached_property
    def _stripe(self) -> StripeGateway:
        return _stripe(self.settings)

    @cached_property
    def _adyen(self) -> AdyenGateway | None:
        return _adyen(self.settings) if self.settings.ADYEN_API_KEY.get_secret_value() else None

    @cached_property
    def _paypal(self) -> PayPalGateway | None:
        return _paypal(self.settings) if self.settings.PAYPAL_CLIENT_ID else None


def build(settings: Settings) -> Wiring:
    """Put this process together; the unit of work uses its database from now on."""
    offset = FileOffset(settings.CLOCK_FILE) if settings.CLOCK_FILE else no_offset
    database = Database.connect(
        settings.DATABASE_URL.get_secret_value(), offset=offset, pool_size=settings.DATABASE_POOL_SIZE
    )
    unit_of_work.bind(database)
    wiring = Wiring(settings, database)
    _built[:] = [wiring]
    return wiring


def wired() -> Wiring:
    """What this process was built of."""
    assert _built, "build(settings) comes before everything"
    return _built[0]


def gateway(name: str) -> Gateway:
    """The payment gateway of that name, as the settings configure it."""
    return _named(wired().gateways, name)


def paying_in(name: str) -> PaysIn:
    """The gateway of that name, if clients pay through it."""
    return _named(wired().pays_in, name)


def taking_cards(name: str) -> TakesCards:
    """The gateway of that name, if it keeps cards for us."""
    return _named(wired().card_takers, name)


def capturing(name: str) -> Captures:
    """The gateway of that name, if the payer only agrees there."""
    return _named(wired().captures, name)


def paying_out(name: str) -> PaysOut:
    """The gateway of that name, if workers are paid through it."""
    return _named(wired().pays_out, name)


def paying_us(name: str) -> PaysUs:
    """The gateway of that name, if it pays what is ours out to our bank when we say so."""
    return _named(wired().pays_us, name)


def warning_of_fraud(name: str) -> WarnsOfFraud:
    """The gateway of that name, if it hands on what the cards' networks suspect."""
    return _named(wired().warns_of_fraud, name)


def _named(known: Mapping[str, Kind], name: str) -> Kind:
    found = known.get(name)
    if found is None:
        raise GatewayUnknown("There is no payment gateway of this name.", field="gateway")
    return found


def _stripe(settings: Settings) -> StripeGateway:
    return StripeGateway(
        stripe.connect(
            secret_key=settings.STRIPE_SECRET_KEY.get_secret_value(),
            publishable_key=settings.STRIPE_PUBLISHABLE_KEY,
            webhook_secrets=[secret.get_secret_value() for secret in settings.STRIPE_WEBHOOK_SECRETS],
            api_base=settings.STRIPE_API_BASE,
        )
    )


# Their SDKs take half a second each to load, and not everybody who starts a process uses them.
def _adyen(settings: Settings) -> AdyenGateway:
    from gateways.adyen import client as adyen  # noqa: PLC0415 - as said
    from gateways.adyen.gateway import AdyenGateway  # noqa: PLC0415 - the same

    platform, people = settings.ADYEN_PLATFORM_API_KEY, settings.ADYEN_LEGAL_ENTITY_API_KEY
    return AdyenGateway(
        adyen.connect(
            api_key=settings.ADYEN_API_KEY.get_secret_value(),
            platform_api_key=platform.get_secret_value() if platform else None,
            legal_entity_api_key=people.get_secret_value() if people else None,
            client_key=settings.ADYEN_CLIENT_KEY,
            merchant_account=settings.ADYEN_MERCHANT_ACCOUNT,
            balance_platform=settings.ADYEN_BALANCE_PLATFORM,
            balance_account=settings.ADYEN_BALANCE_ACCOUNT,
            hmac_keys=[key.get_secret_value() for key in settings.ADYEN_HMAC_KEYS],
            platform_hmac_keys=[key.get_secret_value() for key in settings.ADYEN_PLATFORM_HMAC_KEYS],
            return_url=settings.PUBLIC_URL + _RETURN_TO,
            live_prefix=settings.ADYEN_LIVE_PREFIX,
            api_base=settings.ADYEN_API_BASE,
            told=lambda object_id: reading(inbox.told_of, gateway="adyen", object_id=object_id),
            now=lambda: reading(clock.now),
        )
    )


def _paypal(settings: Settings) -> PayPalGateway:
    from gateways.paypal import client as paypal  # noqa: PLC0415 - as said
    from gateways.paypal.gateway import PayPalGateway  # noqa: PLC0415 - the same

    return PayPalGateway(
        paypal.connect(
            client_id=settings.PAYPAL_CLIENT_ID,
            client_secret=settings.PAYPAL_CLIENT_SECRET.get_secret_value(),
            webhook_id=settings.PAYPAL_WEBHOOK_ID,
            api_base=settings.PAYPAL_API_BASE,
            return_url=settings.PUBLIC_URL + _RETURN_TO,
            cancel_url=settings.PUBLIC_URL + _RETURN_TO,
        )
    )
