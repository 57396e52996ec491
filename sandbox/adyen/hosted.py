"""The pages Adyen shows to people: paying a session, the bank's challenge, and the onboarding form."""

from werkzeug.wrappers import Request, Response

from sandbox.adyen import onboarding, paying
from sandbox.adyen.errors import AdyenError
from sandbox.adyen.state import World
from sandbox.hosted import nothing_here, page


class Hosted:
    """Serves the pages and acts on their buttons."""

    def __init__(self, world: World) -> None:
        self._world = world

    def answer(self, request: Request) -> Response:
        """A page, or what its button does."""
        posted = request.method == "POST"
        try:
            with self._world.lock:
                match request.path.strip("/").split("/")[2:]:
                    case ["sessions", session_id, *rest]:
                        return self._session(session_id, rest if posted else [])
                    case ["onboarding", entity_id, token, *rest]:
                        return self._onboarding(entity_id, token, done=posted and rest == ["complete"])
        except AdyenError as refusal:
            return page("Not any more", str(refusal), status=400)
        return nothing_here()

    def _session(self, session_id: str, answer: list[str]) -> Response:
        session = paying.live_session(self._world, session_id)
        back = session["asked"]["returnUrl"]
        if answer == ["pay"]:
            paying.paid(self._world, session)
            return page("Thank you", "The payment went through.", leads_to=back)
        if answer == ["refuse"]:
            paying.refused(self._world, session)
            return page("Refused", "The bank said no.", leads_to=back)
        amount = session["asked"]["amount"]
        return page(
            "Pay",
            f"The sandbox plays Adyen's Drop-in: {amount['value']} {amount['currency']} in minor units.",
            buttons={f"{session_id}/pay": "Pay by card", f"{session_id}/refuse": "Have it refused"},
        )

    def _onboarding(self, entity_id: str, token: str, *, done: bool) -> Response:
        entity = self._world.get("legalEntity", entity_id)
        links = self._world.notes(entity_id).get("links", {})
        if token not in links:
            return page("Nothing here", "The link was used already.", status=404)
        if not done:
            text = "The sandbox plays Adyen's hosted onboarding."
            return page("Get paid", text, buttons={f"{token}/complete": "Fill in everything"})
        for holder in self._world.shelf("accountHolder"):
            if holder["legalEntityId"] == entity["id"]:
                onboarding.completed(self._world, holder)
        return page("Thank you", "Everything is complete.", leads_to=links.pop(token))
