"""The pages Stripe shows to people: the onboarding form and the bank's 3-D Secure challenge."""

from html import escape

from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from sandbox.stripe import intents, onboarding, saving
from sandbox.stripe.errors import Json, StripeError
from sandbox.stripe.state import World

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
        try:
            match request.path.strip("/").split("/")[1:]:
                case ["onboarding", account_id, token, *rest]:
                    return self._onboarding(account_id, token, complete=rest == ["complete"])
                case ["authentication", intent_id, *rest]:
                    return self._authentication(intent_id, answer=rest)
        except StripeError as refusal:
            return page("Not any more", str(refusal), status=400)
        return nothing_here()

    def _onboarding(self, account_id: str, token: str, *, complete: bool) -> Response:
        with self._world.lock:
            account = self._world.find(account_id)
            link = self._world.notes(account_id).get("links", {}).get(token)
            if account is None or link is None:
                return nothing_here()
            if link.get("used") or link["expires_at"] < self._world.now():
                return redirect(link["refresh_url"])
            if complete:
                link["used"] = True
                onboarding.completed(self._world, account)
                return page("Thank you", "Everything is complete.", leads_to=link["return_url"])
        return page(
            "Get paid",
            f"The sandbox plays Stripe's form for {account['email'] or account_id}.",
            leads_to=link["return_url"],
            buttons={f"{token}/complete": "Fill in everything"},
        )

    def _authentication(self, intent_id: str, *, answer: list[str]) -> Response:
        with self._world.lock:
            intent = self._world.find(intent_id)
            if intent is None:
                return nothing_here()
            leads_to = self._world.notes(intent_id).get("return_url")
            if answer:
                self._answered(intent, succeeds=answer == ["complete"])
                return page("Thank you", "Your answer has arrived.", leads_to=leads_to)
        return page(
            "Is this you?",
            "The sandbox plays your bank's 3-D Secure page.",
            buttons={f"{intent_id}/complete": "Yes, it is me", f"{intent_id}/fail": "No"},
        )

    def _answered(self, intent: Json, *, succeeds: bool) -> None:
        play = intents if intent["object"] == "payment_intent" else saving
        play.authenticated(self._world, intent, succeeds=succeeds)


def nothing_here() -> Response:
    """What there is at an address nobody made."""
    return page("Nothing here", "The sandbox has no such page.", status=404)


def page(
    title: str,
    text: str,
    *,
    buttons: dict[str, str] | None = None,
    leads_to: str | None = None,
    status: int = 200,
) -> Response:
    """A page with buttons, and a way back."""
    shown = [
        f'<button formaction="{escape(target)}">{escape(label)}</button>'
        for target, label in (buttons or {}).items()
    ]
    if leads_to is not None:
        # Not a redirect: the address may belong to the app, and a browser knows no such scheme.
        shown.append(f'<a href="{escape(leads_to)}">Back to where you came from</a>')
    body = _PAGE.format(title=escape(title), text=escape(text), buttons="".join(shown))
    return Response(body, status=status, mimetype="text/html")
