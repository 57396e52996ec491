"""PayPal's page on which a payer agrees, or does not."""

from werkzeug.wrappers import Request, Response

from sandbox.hosted import nothing_here, page
from sandbox.paypal import orders
from sandbox.paypal.errors import PayPalError
from sandbox.paypal.server import PREFIX
from sandbox.paypal.state import World
from sandbox.world import Json

PAGES = f"{PREFIX}/hosted/"
_INSTRUMENTS = {"approve": "good", "echeck": "echeck", "declined": "declined"}


class Hosted:
    """Serves the page and acts on its buttons."""

    def __init__(self, world: World) -> None:
        self._world = world

    def answer(self, request: Request) -> Response:
        """The page, or what its button does."""
        with self._world.lock:
            order = self._world.find(request.args.get("token", ""))
            if order is None or order["object"] != "order":
                return nothing_here()
            act = request.path.removeprefix(PAGES).partition("/")[2]
            try:
                return self._shown(order) if not act else self._done(order, act)
            except PayPalError as refusal:
                return page("Not any more", str(refusal), status=400)

    def _shown(self, order: Json) -> Response:
        unit, query = order["purchase_units"][0], f"?token={order['id']}"
        amount = f"{unit['amount']['value']} {unit['amount']['currency_code']}"
        return page(
            "Pay with PayPal",
            f"The sandbox plays PayPal's page for {amount}.",
            buttons={
                f"checkoutnow/approve{query}": "Pay now",
                f"checkoutnow/echeck{query}": "Pay by e-check",
                f"checkoutnow/declined{query}": "Pay with a card that is declined",
            },
            leads_to=_context(order).get("cancel_url"),
        )

    def _done(self, order: Json, act: str) -> Response:
        if act not in _INSTRUMENTS:
            return nothing_here()
        orders.approved(self._world, order, instrument=_INSTRUMENTS[act])
        return page("Thank you", "Your answer has arrived.", leads_to=_context(order).get("return_url"))


def _context(order: Json) -> Json:
    context: Json = order["_wallet"].get("experience_context") or {}
    return context
