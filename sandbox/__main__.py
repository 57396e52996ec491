"""`python -m sandbox`: the peers as a process of their own."""

import argparse
import sys
from collections.abc import Sequence

from sandbox.adyen.settings import Settings as AdyenSettings
from sandbox.paypal.settings import Settings as PayPalSettings
from sandbox.running import start
from sandbox.stripe.settings import Settings


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until interrupted."""
    given = _options().parse_args(arguments)
    running = start(
        port=given.port,
        clock_file=given.clock_file,
        webhook_url=given.stripe_webhook_url,
        webhook_secret=given.stripe_webhook_secret,
        secret_key=given.stripe_secret_key,
        publishable_key=given.stripe_publishable_key,
        seed=given.seed,
        state=given.state,
        adyen=AdyenSettings(webhook_url=given.adyen_webhook_url),
        paypal=PayPalSettings(webhook_url=given.paypal_webhook_url),
    )
    sys.stdout.write(f"sandbox: {running.base_url}\n")
    sys.stdout.flush()
    running.wait()
    running.close()


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--stripe-webhook-url", help="where events are sent; none by default")
    parser.add_argument("--stripe-webhook-secret", default=Settings.webhook_secret)
    parser.add_argument("--stripe-secret-key", default=Settings.secret_key)
    parser.add_argument("--stripe-publishable-key", default=Settings.publishable_key)
    parser.add_argument("--adyen-webhook-url", help="where Adyen's notifications are sent; none by default")
    parser.add_argument("--paypal-webhook-url", help="where PayPal's notifications are sent; none by default")
    parser.add_argument("--clock-file", help="the clock shared with Holdfast")
    parser.add_argument("--seed", type=int, help="makes ids repeat from run to run")
    parser.add_argument("--state", help="a file that keeps the state between runs")
    return parser


if __name__ == "__main__":
    main()
