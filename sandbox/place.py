"""The folder in which `./run` keeps its data: one `./run` at a time, whole or begun anew, and known to its commands."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL

from sandbox.adyen.settings import Settings as AdyenSettings
from sandbox.paypal.settings import Settings as PayPalSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LOCK = "lock"
_ADDRESSES = "addresses.json"
_STOPPING_SECONDS = 15
_PAUSE_SECONDS = 0.05

# Here and not in TMPDIR: the path of a socket may have 104 letters on macOS, and TMPDIR there takes half of them.
SHORT = "/tmp"  # noqa: S108 - mkdtemp makes a folder that is ours alone


@contextlib.contextmanager
def claimed(folder: Path) -> Iterator[int]:
    """The folder's lock, as an open file; refuses while another `./run`, or a process that it started, has it."""
    folder.mkdir(exist_ok=True)
    with (folder / _LOCK).open("a+") as lock:
        _take(lock.fileno(), folder)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield lock.fileno()


def begin_anew_unless_whole(folder: Path, whole: Path) -> None:
    """Empty the folder when the file that is written last is missing: its first start was interrupted."""
    # Nobody was told a password yet, so nothing in it is anybody's.
    if whole.exists():
        return
    for left in folder.iterdir():
        if left.is_dir():
            shutil.rmtree(left)
        elif left.name != _LOCK:
            left.unlink()


def environment(folder: Path, addresses: dict[str, str]) -> dict[str, str]:
    """What every process of Holdfast is told that works on the data in this folder."""
    kept = _secrets(folder / "secrets.json")
    return {
        **os.environ,
        "ENVIRONMENT": "development",
        "DATABASE_URL": URL.create("sqlite", database=str(folder / "holdfast.db")).render_as_string(),
        "REDIS_URL": f"unix://{addresses['redis']}",
        "SECRET_KEY": kept["secret_key"],
        "PUBLIC_URL": addresses["web"],
        "STRIPE_SECRET_KEY": "sk_test_sandbox",
        "STRIPE_PUBLISHABLE_KEY": "pk_test_sandbox",
        "STRIPE_WEBHOOK_SECRETS": kept["webhook_secret"],
        "STRIPE_API_BASE": addresses["peer"],
        **more_gateways(addresses["peer"]),
        # Cards stay with Stripe, whose sheet the demo shows.
        "GATEWAY_ROUTES": "adyen card currency=EUR; stripe card; paypal paypal",
        "CLOCK_FILE": str(folder / "clock.json"),
        "PYTHONUNBUFFERED": "1",
    }


def more_gateways(peer: str) -> dict[str, str]:
    """What a deployment would set to use Adyen and PayPal as well, as the peer at this address plays them."""
    adyen, paypal = AdyenSettings(), PayPalSettings()
    return {
        "ADYEN_API_KEY": adyen.api_key,
        "ADYEN_CLIENT_KEY": adyen.client_key,
        "ADYEN_MERCHANT_ACCOUNT": adyen.merchant_account,
        "ADYEN_BALANCE_PLATFORM": adyen.balance_platform,
        "ADYEN_BALANCE_ACCOUNT": adyen.balance_account,
        "ADYEN_HMAC_KEYS": adyen.hmac_key,
        "ADYEN_PLATFORM_HMAC_KEYS": adyen.platform_hmac_key,
        "ADYEN_API_BASE": f"{peer}/adyen",
        "PAYPAL_CLIENT_ID": paypal.client_id,
        "PAYPAL_CLIENT_SECRET": paypal.client_secret,
        "PAYPAL_WEBHOOK_ID": paypal.webhook_id,
        "PAYPAL_API_BASE": f"{peer}/paypal",
    }


def remember(folder: Path, addresses: dict[str, str]) -> None:
    """Keep where everything listens, for the commands that are typed beside it."""
    write(folder / _ADDRESSES, addresses)


def remembered(folder: Path) -> dict[str, str]:
    """Where everything listens, or did when it last ran."""
    return dict(json.loads((folder / _ADDRESSES).read_text()))


def write(path: Path, value: Any) -> None:  # noqa: ANN401 - JSON
    """Write a file that only we may read, whole or not at all."""
    draft = path.with_name(f".{path.name}")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(value, indent=2))
    draft.replace(path)


def _secrets(path: Path) -> dict[str, str]:
    if not path.exists():
        made = {
            "secret_key": secrets.token_urlsafe(48),
            "webhook_secret": f"whsec_{secrets.token_urlsafe(32)}",
        }
        write(path, made)
    kept: dict[str, str] = json.loads(path.read_text())
    return kept


def _take(lock: int, folder: Path) -> None:
    deadline = time.monotonic() + _STOPPING_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _refuse_unless_stopping(folder, patient=time.monotonic() < deadline)
            time.sleep(_PAUSE_SECONDS)
        else:
            return


def _refuse_unless_stopping(folder: Path, *, patient: bool) -> None:
    holder = (folder / _LOCK).read_text()
    if holder.isdigit() and _lives(int(holder)):
        where = f" at {remembered(folder)['web']}" if (folder / _ADDRESSES).exists() else ""
        raise SystemExit(f"Holdfast is already running{where} (process {holder}); Ctrl-C there stops it.")
    if not patient:
        raise SystemExit(f"What an earlier ./run started in {folder} has not stopped yet. Try again soon.")


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
