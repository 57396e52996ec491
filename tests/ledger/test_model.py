"""Any history at all, next to a dictionary that knows nothing of ledgers: both must always say the same."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from kernel.money import Money
from ledger import chart, movements
from ledger.balances import balance, balance_as_of, trial_balance
from ledger.entries import credit, debit
from ledger.integrity import verify
from ledger.posting import hold, post, post_hold, reverse, void_hold
from ledger.statements import accounts_named, statement
from ledger.writing import EntryKeyReused, InsufficientBalance
from persistence.unit_of_work import atomically, examining, reading

MILESTONES = st.sampled_from([f"ms_{number}" for number in range(3)])
WORKERS = st.sampled_from([f"us_{number}" for number in range(3)])
CURRENCIES = st.sampled_from(["USD", "JPY", "KWD"])
AMOUNTS = st.integers(1, 5_000)
SMALL = st.integers(0, 300)

PENDING, AVAILABLE = "assets:gateway:stripe:pending", "assets:gateway:stripe:available"
PAYOUTS, REFUNDS = "liabilities:payouts:in_transit", "liabilities:refunds:in_transit"
CLIENT_FEES, WORKER_FEES = "income:fees:client", "income:fees:worker"
GATEWAY_FEES, CHARGEBACKS = "expenses:gateway_fees", "expenses:chargebacks"
CONVERSION, EXCHANGE = "assets:conversion:stripe", "expenses:exchange"
CHARGEBACK_FEES, GOODWILL = "expenses:chargeback_fees", "expenses:goodwill"
FLOORED = (
    "liabilities:escrow:",
    "liabilities:owed:",
    "liabilities:wallet:",
    "liabilities:left:",
    "assets:receivable:",
)


def escrow(milestone):
    return f"liabilities:escrow:{milestone}"


def owed(milestone):
    return f"liabilities:owed:{milestone}"


def wallet(worker):
    return f"liabilities:wallet:{worker}"


def connected(worker):
    return f"assets:gateway:stripe:connected:{worker}"


def receivable(worker):
    return f"assets:receivable:{worker}"


class Books(RuleBasedStateMachine):
    """The catalogue driven at random; `balances` and `held` are kept by hand, by code and currency."""

    def __init__(self, empty, clock):
        super().__init__()
        self.empty, self.clock = empty, clock
        self.balances, self.held = defaultdict(int), defaultdict(int)
        self.written, self.holds, self.remembered = [], {}, []
        self.steps = 0

    @initialize()
    def begin(self):
        self.empty()

    # What every rule does: expect, try, compare.

    def moves(self, currency, entry, *, changes, reason=None):
        """Post the entry and expect the changes, or a refusal where an account would go below zero."""
        told = {"key": self.key(), "reference": "ms_reference", "actor": "us_finance", "reason": reason}
        if self.is_refused(currency, changes):
            self.expect_refusal(post, entry, **told)
            return
        stored = atomically(post, entry, **told)
        self.apply(currency, changes)
        self.written.append((stored, told, currency, changes))

    def is_refused(self, currency, changes):
        return any(
            code.startswith(FLOORED) and self.balances[code, currency] + change < self.held[code, currency]
            for code, change in changes.items()
        )

    def expect_refusal(self, act, *arguments, **told):
        try:
            atomically(act, *arguments, **told)
        except InsufficientBalance:
            return
        raise AssertionError("it should have been refused")

    def apply(self, currency, changes):
        for code, change in changes.items():
            self.balances[code, currency] += change
        self.compare({(code, currency) for code in changes})

    def compare(self, keys):
        for code, currency in keys:
            for account in reading(accounts_named, code):
                if account.currency == currency:
                    found = reading(balance, account)
                    assert found.posted.amount_minor == self.balances[code, currency], code
                    assert found.held.amount_minor == self.held[code, currency], code

    def key(self):
        self.steps += 1
        return f"step:{self.steps}"

    def earned(self, currency):
        return self.balances[CLIENT_FEES, currency]

    # The catalogue.

    @rule(milestone=MILESTONES, currency=CURRENCIES, price=AMOUNTS, fee=SMALL)
    def fund(self, milestone, currency, price, fee):
        entry = movements.milestone_funded(
            "stripe", milestone, price=Money(price, currency), client_fee=Money(fee, currency)
        )
        self.moves(
            currency, entry, changes={PENDING: price + fee, escrow(milestone): price, CLIENT_FEES: fee}
        )

    @rule(currency=CURRENCIES, fee=AMOUNTS)
    def charge_gateway_fee(self, currency, fee):
        entry = movements.gateway_fee_charged("stripe", fee=Money(fee, currency))
        self.moves(currency, entry, changes={GATEWAY_FEES: fee, PENDING: -fee})

    @rule(currency=CURRENCIES, amount=AMOUNTS)
    def settle(self, currency, amount):
        entry = movements.funds_settled("stripe", amount=Money(amount, currency))
        self.moves(currency, entry, changes={AVAILABLE: amount, PENDING: -amount})

    @rule(
        milestone=MILESTONES,
        worker=WORKERS,
        currency=CURRENCIES,
        net=AMOUNTS,
        fee=SMALL,
        federal=SMALL,
        state=SMALL,
    )
    def release(self, *, milestone, worker, currency, net, fee, federal, state):
        gross = net + fee + federal + state
        entry = movements.milestone_released(
            milestone,
            worker,
            gross=Money(gross, currency),
            worker_fee=Money(fee, currency),
            withheld_federal=Money(federal, currency),
            withheld_state=("CA", Money(state, currency)),
        )
        changes = {
            escrow(milestone): -gross,
            wallet(worker): net,
            WORKER_FEES: fee,
            "liabilities:withholding:federal": federal,
            "liabilities:withholding:state:CA": state,
        }
        self.moves(currency, entry, changes=changes)

    @rule(worker=WORKERS, currency=CURRENCIES, amount=AMOUNTS)
    def tip(self, worker, currency, amount):
        entry = movements.tip_paid("stripe", worker, amount=Money(amount, currency))
        self.moves(currency, entry, changes={PENDING: amount, wallet(worker): amount})

    @rule(milestone=MILESTONES, currency=CURRENCIES, held=AMOUNTS, fee=SMALL)
    def order_refund(self, milestone, currency, held, fee):
        fee = min(fee, self.earned(currency))
        entry = movements.refund_ordered(
            milestone, held=Money(held, currency), client_fee=Money(fee, currency)
        )
        self.moves(
            currency, entry, changes={escrow(milestone): -held, CLIENT_FEES: -fee, REFUNDS: held + fee}
        )

    @rule(currency=CURRENCIES, amount=AMOUNTS)
    def confirm_refund(self, currency, amount):
        entry = movements.refund_confirmed("stripe", amount=Money(amount, currency))
        self.moves(currency, entry, changes={REFUNDS: -amount, AVAILABLE: -amount})

    @rule(currency=CURRENCIES, amount=AMOUNTS)
    def receive_a_late_payment(self, currency, amount):
        entry = movements.late_payment_received("stripe", amount=Money(amount, currency))
        self.moves(currency, entry, changes={PENDING: amount, REFUNDS: amount})

    @rule(currency=CURRENCIES, amount=AMOUNTS)
    def refund_comes_back(self, currency, amount):
        entry = movements.refund_came_back("stripe", amount=Money(amount, currency))
        self.moves(currency, entry, changes={REFUNDS: amount, AVAILABLE: amount})

    @rule(milestone=MILESTONES, currency=CURRENCIES, amount=AMOUNTS)
    def fail_refund(self, milestone, currency, amount):
        entry = movements.refund_failed(milestone, amount=Money(amount, currency))
        self.moves(currency, entry, changes={owed(milestone): amount, REFUNDS: -amount})

    @rule(milestone=MILESTONES, currency=CURRENCIES, amount=AMOUNTS)
    def order_refund_again(self, milestone, currency, amount):
        entry = movements.refund_ordered_again(milestone, amount=Money(amount, currency))
        self.moves(currency, entry, changes={owed(milestone): -amount, REFUNDS: amount})

    @rule(worker=WORKERS, currency=CURRENCIES, amount=AMOUNTS, settled=st.booleans())
    def transfer(self, worker, currency, amount, settled):
        entry = movements.transferred_to_worker(
            "stripe", worker, amount=Money(amount, currency), settled=settled
        )
        source = AVAILABLE if settled else PENDING
        self.moves(currency, entry, changes={connected(worker): amount, source: -amount})

    @rule(worker=WORKERS, currency=CURRENCIES, amount=AMOUNTS)
    def reserve(self, worker, currency, amount):
        entry = movements.payout_reserved(worker, amount=Money(amount, currency))
        told = {"key": self.key(), "reference": "po_reference", "actor": worker}
        if self.is_refused(currency, {wallet(worker): -amount}):
            self.expect_refusal(hold, entry, **told)
            return
        stored = atomically(hold, entry, **told)
        assert atomically(hold, entry, **told) == stored
        self.holds[stored.id] = (worker, currency, amount)
        self.held[wallet(worker), currency] += amount
        self.compare({(wallet(worker), currency), (PAYOUTS, currency)})

    @precondition(lambda self: self.holds)
    @rule(data=st.data(), send=st.booleans())
    def resolve(self, data, send):
        hold_id = data.draw(st.sampled_from(sorted(self.holds)))
        worker, currency, amount = self.holds.pop(hold_id)
        self.held[wallet(worker), currency] -= amount
        if send:
            atomically(post_hold, hold_id, "payout_sent", key=self.key(), actor="system")
            self.apply(currency, {wallet(worker): -amount, PAYOUTS: amount})
        else:
            atomically(void_hold, hold_id, key=self.key(), actor="system")
            self.apply(currency, {wallet(worker): 0, PAYOUTS: 0})

    @rule(worker=WORKERS, currency=CURRENCIES, amount=AMOUNTS)
    def pay_out(self, worker, currency, amount):
        entry = movements.payout_paid("stripe", worker, amount=Money(amount, currency))
        self.moves(currency, entry, changes={PAYOUTS: -amount, connected(worker): -amount})

    @rule(worker=WORKERS, currency=CURRENCIES, amount=AMOUNTS)
    def fail_payout(self, worker, currency, amount):
        entry = movements.payout_failed(worker, amount=Money(amount, currency))
        self.moves(currency, entry, changes={PAYOUTS: -amount, wallet(worker): amount})

    @rule(worker=WORKERS, currency=CURRENCIES, amount=AMOUNTS)
    def return_payout(self, worker, currency, amount):
        entry = movements.payout_returned("stripe", worker, amount=Money(amount, currency))
        self.moves(currency, entry, changes={connected(worker): amount, wallet(worker): amount})

    @rule(
        milestone=MILESTONES,
        worker=WORKERS,
        currency=CURRENCIES,
        held=SMALL,
        owed=SMALL,
        lost=SMALL,
        fee=AMOUNTS,
    )
    def charge_back(self, *, milestone, worker, currency, held, owed, lost, fee):
        entry = movements.chargeback_withdrawn(
            "stripe",
            fee=Money(fee, currency),
            held=(milestone, Money(held, currency)),
            owed=(worker, Money(owed, currency)),
            lost=Money(lost, currency),
        )
        changes = {
            escrow(milestone): -held,
            receivable(worker): owed,
            CHARGEBACKS: lost,
            CHARGEBACK_FEES: fee,
            AVAILABLE: -held - owed - lost - fee,
        }
        self.moves(currency, entry, changes=changes)

    @rule(milestone=MILESTONES, worker=WORKERS, currency=CURRENCIES, held=AMOUNTS, owed=SMALL, repaid=SMALL)
    def win_chargeback(self, *, milestone, worker, currency, held, owed, repaid):
        entry = movements.chargeback_won(
            "stripe",
            fee=Money(0, currency),
            held=(milestone, Money(held, currency)),
            owed=(worker, Money(owed, currency)),
            repaid=(worker, Money(repaid, currency)),
        )
        changes = {
            escrow(milestone): held,
            receivable(worker): -owed,
            wallet(worker): repaid,
            AVAILABLE: held + owed + repaid,
        }
        self.moves(currency, entry, changes=changes)

    @rule(worker=WORKERS, currency=CURRENCIES, amount=SMALL.filter(bool))
    def lose_chargeback(self, worker, currency, amount):
        entry = movements.chargeback_lost(worker, forgiven=Money(amount, currency))
        self.moves(currency, entry, changes={CHARGEBACKS: amount, receivable(worker): -amount})

    @rule(worker=WORKERS, currency=CURRENCIES, amount=SMALL.filter(bool))
    def recover(self, worker, currency, amount):
        entry = movements.recovered_from_wallet(worker, amount=Money(amount, currency))
        self.moves(currency, entry, changes={wallet(worker): -amount, receivable(worker): -amount})

    @rule(currency=CURRENCIES, lost=AMOUNTS, gained=AMOUNTS)
    def close_conversion(self, currency, lost, gained):
        if lost != gained:
            entry = movements.fx_difference("stripe", lost=Money(lost - gained, currency))
            self.moves(currency, entry, changes={EXCHANGE: lost - gained, CONVERSION: gained - lost})

    @rule(worker=WORKERS, currency=CURRENCIES, amount=AMOUNTS)
    def adjust(self, worker, currency, amount):
        money = Money(amount, currency)
        lines = debit(chart.goodwill(currency), money), credit(chart.wallet(worker, currency), money)
        entry = movements.adjustment(*lines, approved_by="us_second")
        self.moves(currency, entry, changes={GOODWILL: amount, wallet(worker): amount}, reason="Sorry")

    # What may happen to any of them.

    @precondition(lambda self: self.written)
    @rule(data=st.data())
    def take_back(self, data):
        number = data.draw(st.integers(0, len(self.written) - 1))
        stored, _, currency, changes = self.written[number]
        mirrored = {code: -change for code, change in changes.items()}
        if self.balances[CLIENT_FEES, currency] + mirrored.get(CLIENT_FEES, 0) < 0:
            return
        told = {"key": self.key(), "actor": "us_finance", "reason": "It was wrong"}
        if self.is_refused(currency, mirrored):
            self.expect_refusal(reverse, stored.id, **told)
            return
        atomically(reverse, stored.id, **told)
        self.written.pop(number)
        self.apply(currency, mirrored)

    @precondition(lambda self: self.written)
    @rule(data=st.data())
    def tell_again(self, data):
        stored, told, currency, changes = data.draw(st.sampled_from(self.written))
        assert atomically(post, stored.entry, **told) == stored
        self.compare({(code, currency) for code in changes})

    @precondition(lambda self: self.written)
    @rule(data=st.data(), currency=CURRENCIES)
    def use_a_key_for_something_else(self, data, currency):
        _, told, _, _ = data.draw(st.sampled_from(self.written))
        other = movements.tip_paid("stripe", "us_other", amount=Money(5_001, currency))
        try:
            atomically(post, other, **told)
        except EntryKeyReused:
            return
        raise AssertionError("the key stands for another entry")

    @rule(milestone=MILESTONES, worker=WORKERS, currency=CURRENCIES, price=AMOUNTS)
    def fail_halfway(self, milestone, worker, currency, price):
        told = {"reference": "ms_reference", "actor": "system"}

        def both(session):
            money = Money(price, currency)
            funded = movements.milestone_funded("stripe", milestone, price=money, client_fee=money)
            post(session, funded, key=self.key(), **told)
            post(
                session,
                movements.recovered_from_wallet(worker, amount=Money(10**9, currency)),
                key=self.key(),
                **told,
            )

        self.expect_refusal(both)
        self.compare({(escrow(milestone), currency), (PENDING, currency)})

    @rule(hours=st.integers(1, 100))
    def wait(self, hours):
        self.clock.advance(hours=hours)

    @precondition(lambda self: self.written)
    @rule()
    def remember(self):
        # Time passes first, so that nothing else is recorded at this instant.
        at = self.clock.now()
        self.clock.advance(seconds=5)
        self.remembered.append((at, dict(self.balances), dict(self.held)))

    def teardown(self):
        assert examining(verify) == []
        expected = {key: minor for key, minor in self.balances.items() if minor}
        assert as_dictionary(reading(trial_balance)) == expected
        for at, balances, held in self.remembered:
            self.was(at, balances, held)
        for code in {code for code, _ in self.balances}:
            for account in reading(accounts_named, code):
                self.tells_every_line(account)

    def was(self, at, balances, held):
        assert as_dictionary(reading(trial_balance, at)) == {
            key: minor for key, minor in balances.items() if minor
        }
        for (code, currency), minor in held.items():
            for account in reading(accounts_named, code):
                if account.currency == currency:
                    assert reading(balance_as_of, account, at).held.amount_minor == minor

    def tells_every_line(self, account):
        lines, after = [], None
        while True:
            page = reading(statement, account, after=after, limit=7)
            lines += page.items
            after = page.next_after
            if after is None:
                break
        key = account.code, account.currency
        assert sum(line.change.amount_minor for line in lines) == self.balances[key]
        if lines:
            assert lines[0].after.posted.amount_minor == self.balances[key]
            assert lines[0].after.held.amount_minor == self.held[key]


def as_dictionary(lines):
    """Each balance on its account's own side, by code and currency."""
    return {
        (line.code, line.currency): (line.debit - line.credit).amount_minor
        * (1 if line.code.startswith(("assets:", "expenses:")) else -1)
        for line in lines
    }


def test_the_ledger_and_a_dictionary_agree_on_any_history(empty_database, clock):
    run_state_machine_as_test(
        lambda: Books(empty_database, clock),
        settings=settings(
            max_examples=20, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
