"""The pages Adyen shows to people: paying a session, the bank's challenge, and the onboarding form."""

from html import escape

from werkzeug.wrappers import Request, Response

from sandbox.adyen import onboarding, paying
from sandbox.adyen.errors import AdyenError
from sandbox.adyen.state import World

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>body{{font:1rem/1.5 system-ui;max-width:32rem;margin:4rem auto;padding:0 1rem}}
button{{font:inherit;padding:.5rem 1rem;margin-right:1rem}}</style>
<h1>{title}</h1>
<p>{text}</p>
<form method="post">{buttons}</form>
</html>
"""


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
            return _page("Not any more", str(refusal), status=400)
        return _page("Nothing here", "The sandbox has no such page.", status=404)

    def _session(self, session_id: str, answer: list[str]) -> Response:
        session = paying.live_session(self._world, session_id)
        back = session["asked"]["returnUrl"]
        if answer == ["pay"]:
            paying.paid(self._world, session)
            return _page("Thank you", "The payment went through.", leads_to=back)
        if answer == ["refuse"]:
            paying.refused(self._world, session)
            return _page("Refused", "The bank said no.", leads_to=back)
        amount = session["asked"]["amount"]
        return _page(
            "Pay",
            f"The sandbox plays Adyen's Drop-in: {amount['value']} {amount['currency']} in minor units.",
            buttons={f"{session_id}/pay": "Pay by card", f"{session_id}/refuse": "Have it refused"},
        )

    def _onboarding(self, entity_id: str, token: str, *, done: bool) -> Response:
        entity = self._world.get("legalEntity", entity_id)
        links = self._world.notes(entity_id).get("links", {})
        if token not in links:
            return _page("Nothing here", "The link was used already.", status=404)
        if not done:
            text = "The sandbox plays Adyen's hosted onboarding."
            return _page("Get paid", text, buttons={f"{token}/complete": "Fill in everything"})
        for holder in self._world.shelf("accountHolder"):
            if holder["legalEntityId"] == entity["id"]:
                onboarding.completed(self._world, holder)
        return _page("Thank you", "Everything is complete.", leads_to=links.pop(token))


def _page(
    title: str,
    text: str,
    *,
    buttons: dict[str, str] | None = None,
    leads_to: str | None = None,
    status: int = 200,
) -> Response:
    shown = [
        f'<button formaction="{escape(target)}">{escape(label)}</button>'
        for target, label in (buttons or {}).items()
    ]
    if leads_to is not None:
        # Not a redirect: the address may belong to the app, and a browser knows no such scheme.
        shown.append(f'<a href="{escape(leads_to)}">Back to where you came from</a>')
    body = _PAGE.format(title=escape(title), text=escape(text), buttons="".join(shown))
    return Response(body, status=status, mimetype="text/html")
