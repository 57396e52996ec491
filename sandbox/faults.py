"""Misfortunes a test orders: cut connections, errors, slowness, calls held in mid-air."""

import itertools
import random
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

Json = dict[str, Any]


KINDS = (
    "cut_before_effect",
    "cut_after_effect",
    "status",
    "slow",
    "hold_before_effect",
    "hold_in_flight",
    "hold_after_effect",
)
_LONGEST_HOLD_SECONDS = 120


class ConnectionCutError(ConnectionError):
    """The connection is to be closed without an answer."""


@dataclass
class Rule:
    """Which requests suffer, how often, and what befalls them."""

    kind: str
    method: str = ".*"
    path: str = ".*"
    nth: int = 1
    count: int | None = 1
    probability: float = 1.0
    seed: int = 0
    status: int = 500
    effect: bool = False
    saved: bool | None = None
    seconds: float = 1.0
    retry_after: int | None = None
    code: str | None = None
    transient: bool = False
    id: str = ""
    seen: int = 0
    struck: int = 0
    held: int = 0
    verdict: str = "continue"
    dice: random.Random = field(default_factory=random.Random, repr=False)
    gate: threading.Event = field(default_factory=threading.Event, repr=False)
    tally: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown fault {self.kind!r}; one of {', '.join(KINDS)}")
        self.dice.seed(self.seed)

    def concerns(self, method: str, path: str) -> bool:
        """Whether the rule is about this request at all."""
        return bool(re.fullmatch(self.method, method) and re.fullmatch(self.path, path))

    def strikes(self) -> bool:
        """Whether this, the next request concerned, is one that suffers."""
        self.seen += 1
        if self.seen < self.nth or (self.count is not None and self.struck >= self.count):
            return False
        if self.dice.random() >= self.probability:
            return False
        self.struck += 1
        return True

    @property
    def is_remembered(self) -> bool:
        """Whether the peer saves the injected answer under the request's idempotency key.

        It does so for what broke in the middle, not for what it turned away at the door.
        """
        return self.saved if self.saved is not None else self.status >= HTTPStatus.INTERNAL_SERVER_ERROR

    def shown(self) -> Json:
        """The rule and its tally, for the control API."""
        names = (
            "id",
            "kind",
            "method",
            "path",
            "nth",
            "count",
            "probability",
            "seed",
            "status",
            "effect",
            "saved",
            "seconds",
            "retry_after",
            "code",
            "transient",
            "seen",
            "struck",
            "held",
        )
        return {name: getattr(self, name) for name in names}

    @contextmanager
    def _holding(self) -> Iterator[None]:
        with self.tally:
            self.held += 1
        try:
            yield
        finally:
            with self.tally:
                self.held -= 1

    def hold(self) -> None:
        """Keep the request until it is released, or cut it if that is the verdict."""
        with self._holding():
            self.gate.wait(_LONGEST_HOLD_SECONDS)
        if self.verdict == "cut":
            raise ConnectionCutError


class Faults:
    """The rules in force."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[Rule] = []
        self._numbers = itertools.count(1)

    def order(self, rule: Rule) -> Rule:
        """Put a rule in force."""
        with self._lock:
            rule.id = f"fault_{next(self._numbers)}"
            self._rules.append(rule)
        return rule

    def match(self, method: str, path: str) -> Rule | None:
        """The misfortune of this request, if any; every rule concerned counts it."""
        with self._lock:
            struck = [rule for rule in self._rules if rule.concerns(method, path) and rule.strikes()]
        return struck[0] if struck else None

    def release(self, rule_id: str, *, verdict: str = "continue") -> None:
        """Let the requests held by a rule go on, or cut them."""
        for rule in self.rules():
            if rule.id == rule_id:
                rule.verdict = verdict
                rule.gate.set()
                return
        raise LookupError(f"no fault {rule_id}")

    def rules(self) -> list[Rule]:
        """All rules, in the order they were made."""
        with self._lock:
            return list(self._rules)

    def clear(self) -> None:
        """Forget all rules and let go whatever they hold."""
        with self._lock:
            rules, self._rules = self._rules, []
        for rule in rules:
            rule.gate.set()


def before_claim(rule: Rule | None) -> None:
    """Suffer what happens before the peer has understood the request."""
    if rule is None:
        return
    if rule.kind == "cut_before_effect":
        raise ConnectionCutError
    if rule.kind == "hold_before_effect":
        rule.hold()


def before_effect(rule: Rule | None) -> None:
    """Suffer what happens while the request is under way."""
    if rule is None:
        return
    if rule.kind == "slow":
        time.sleep(rule.seconds)
    if rule.kind == "hold_in_flight":
        rule.hold()


def after_effect(rule: Rule | None) -> None:
    """Suffer what happens when everything is done but not yet answered."""
    if rule is None:
        return
    if rule.kind == "cut_after_effect":
        raise ConnectionCutError
    if rule.kind == "hold_after_effect":
        rule.hold()
