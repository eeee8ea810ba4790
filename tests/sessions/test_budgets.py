"""What may be spent, what is, and what happens where a call does not fit."""

import logging
import os
import pickle
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infraprism import Budget, BudgetExceededError, Identity, Overrun, guard, set_budgets
from infraprism.sessions import keeper
from infraprism.sessions.budgets.keeper import Keeper

ACME = Identity("s-1", "customer", "acme", {"feature": "chat"})
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
CENT = Decimal("0.01")


class Clock:
    def __init__(self, now=NOON):
        self.now = now

    def __call__(self):
        return self.now


@pytest.fixture(autouse=True)
def nothing_dropped_yet(monkeypatch):
    monkeypatch.setattr(guard, "_dropped", Counter())


def keeping(*budgets, **options):
    kept = Keeper(**options)
    kept.use(budgets)
    return kept


def spend(kept, amount, identity=ACME, asked=None):
    """A call that asks for what it costs, unless it asks for something else; its refusal, if it was."""
    amount = Decimal(amount)
    hold = kept.reserve(identity, amount if asked is None else Decimal(asked))
    if hold.refusal is None:
        kept.settle(identity, hold, amount)
    return hold.refusal


def state(kept):
    """What each account has spent and reserved."""
    return {
        (book.scope.per, *key): (account.spent, account.reserved)
        for book in kept._books.values()
        for key, account in book.accounts.items()
    }


# The budget


@pytest.mark.parametrize("usd", [5, "5", "5.00", Decimal(5), Decimal("5.000")])
def test_an_amount_is_exact(usd):
    assert Budget(usd) == Budget(5)
    assert type(Budget(usd).usd) is Decimal


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"usd": 0.1}, TypeError, "usd must be a Decimal, an int or a str, not float: floats are not exact"),
        ({"usd": True}, TypeError, "usd must be a Decimal, an int or a str, not bool: floats are not exact"),
        *(
            ({"usd": usd}, ValueError, "usd must be an amount of 0 or more, with at most 24 places")
            for usd in ("", "five", "-1", "NaN", "sNaN", "Infinity", "1e-25", "1e60", Decimal("NaN"))
        ),
        *(
            ({"per": per}, ValueError, "per must be 'session', 'entity' or 'tag:' and a tag's key")
            for per in ("customer", "tag:", "tag", "", None, 5)
        ),
        *(
            (
                {"period": period},
                ValueError,
                "period must be 'hour', 'day', 'week', 'month', a timedelta or None",
            )
            for period in ("year", 3600)
        ),
        (
            {"period": timedelta(hours=1), "shared": True},
            ValueError,
            "period of a shared budget must be 'hour', 'day', 'week', 'month' or None",
        ),
        ({"period": timedelta(0)}, ValueError, "period must be longer than nothing"),
        ({"action": "stop"}, TypeError, "action must be 'warn', 'raise' or a function that is not async"),
        ({"entity_type": ""}, ValueError, "entity_type must not be empty"),
        ({"entity_id": 1.5}, TypeError, "entity_id must be a str, int or uuid.UUID, not float"),
    ],
)
def test_a_wrong_budget_is_refused_by_name(arguments, kind, message):
    with pytest.raises(kind) as raised:
        Budget(**{"usd": 5, **arguments})
    assert str(raised.value) == message


def test_an_async_action_is_refused():
    async def later(overrun):
        pass

    with pytest.raises(TypeError, match="not async"):
        Budget(5, action=later)


def test_only_budgets_can_be_set():
    with pytest.raises(TypeError, match=r"^budgets must be infraprism\.Budget, not int$"):
        set_budgets(Budget(5), 5)
    assert keeper.budgets == ()


# Who spends, and when


@pytest.mark.parametrize(
    ("budget", "same", "other"),
    [
        (Budget(1, action="raise"), ACME._replace(tags={}), ACME._replace(entity_id="other")),
        (
            Budget(1, "entity", action="raise"),
            ACME._replace(session_id="s-2"),
            ACME._replace(entity_type="team"),
        ),
        (
            Budget(1, "tag:feature", action="raise"),
            ACME._replace(session_id="s-2"),
            ACME._replace(tags={"feature": "x"}),
        ),
    ],
)
def test_each_who_spends_has_a_budget_of_their_own(budget, same, other):
    kept = keeping(budget)
    assert spend(kept, "0.6") is None
    assert spend(kept, "0.6", same) is not None
    assert spend(kept, "0.6", other) is None


@pytest.mark.parametrize(
    ("budget", "identity"),
    [
        (Budget(0, action="raise"), Identity(None, "customer", "acme")),
        (Budget(0, "entity", action="raise"), Identity("s-1")),
        (Budget(0, "tag:feature", action="raise"), Identity("s-1", tags={"other": "chat"})),
        (Budget(0, action="raise", entity_type="team"), ACME),
        (Budget(0, action="raise", entity_type="customer", entity_id="other"), ACME),
        (Budget(0, action="raise", entity_id=7), ACME),
    ],
)
def test_what_is_not_counted_is_not_refused(budget, identity):
    kept = keeping(budget)
    assert spend(kept, 1, identity) is None
    assert state(kept) == {}


def test_a_budget_can_be_for_one_entity():
    kept = keeping(
        Budget(1, "entity", action="raise"),
        Budget(5, "session", action="raise", entity_type="customer", entity_id="acme"),
    )
    assert spend(kept, "0.9") is None
    assert state(kept) == {
        ("entity", "customer", "acme"): (Decimal("0.9"), 0),
        ("session", "customer", "acme", "s-1"): (Decimal("0.9"), 0),
    }


AHEAD = timezone(timedelta(hours=1))
PERIODS = [
    ("hour", NOON, NOON + timedelta(minutes=59, seconds=59), NOON + timedelta(hours=1)),
    ("day", NOON, NOON + timedelta(hours=11, minutes=59), NOON + timedelta(hours=12)),
    ("day", NOON, datetime(2026, 11, 26, 0, 59, tzinfo=AHEAD), datetime(2026, 11, 26, 1, tzinfo=AHEAD)),
    ("month", NOON, datetime(2026, 11, 30, 23, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)),
    ("month", NOON, datetime(2026, 12, 1, 0, 59, tzinfo=AHEAD), datetime(2026, 12, 1, 1, tzinfo=AHEAD)),
    (
        "month",
        datetime(2026, 12, 1, tzinfo=UTC),
        datetime(2026, 12, 31, 23, tzinfo=UTC),
        datetime(2027, 1, 1, tzinfo=UTC),
    ),
    (
        timedelta(days=7),
        datetime(1970, 1, 8, tzinfo=UTC),
        datetime(1970, 1, 14, 23, tzinfo=UTC),
        datetime(1970, 1, 15, tzinfo=UTC),
    ),
]


@pytest.mark.parametrize(("period", "start", "last", "after"), PERIODS)
def test_a_period_ends_in_utc(period, start, last, after):
    clock = Clock(start)
    kept = keeping(Budget(1, period=period, action="raise"), clock=clock)
    assert spend(kept, 1) is None
    clock.now = last
    assert spend(kept, CENT) is not None
    clock.now = after
    assert spend(kept, 1) is None
    clock.now = start  # a clock that is set back
    assert spend(kept, CENT) is not None


def test_a_budget_without_a_period_never_begins_again():
    clock = Clock()
    kept = keeping(Budget(1, action="raise"), clock=clock)
    assert spend(kept, 1) is None
    clock.now += timedelta(days=10_000)
    assert spend(kept, CENT) is not None


def test_a_call_counts_in_the_period_in_which_it_began():
    clock = Clock()
    kept = keeping(Budget(1, period="hour", action="raise"), clock=clock)
    hold = kept.reserve(ACME, Decimal(1))
    clock.now += timedelta(hours=1)
    assert spend(kept, "0.3") is None
    kept.settle(ACME, hold, Decimal(1))
    assert state(kept) == {("session", "customer", "acme", "s-1"): (Decimal("0.3"), 0)}


# What fits


def test_what_is_reserved_counts_until_it_is_settled():
    kept = keeping(Budget(1, action="raise"))
    hold = kept.reserve(ACME, Decimal("0.6"))
    refused = kept.reserve(ACME, Decimal("0.5"))
    assert refused.refusal.args == (
        Overrun(Budget(1, action="raise"), ACME, Decimal(0), Decimal("0.6"), Decimal("0.5")),
    )
    kept.settle(ACME, hold, Decimal("0.5"))
    assert spend(kept, "0.5") is None
    assert state(kept) == {("session", "customer", "acme", "s-1"): (1, 0)}


def test_nothing_is_reserved_anywhere_for_a_call_that_one_budget_refuses():
    kept = keeping(Budget(5, "entity", action="raise"), Budget(1, action="raise"), Budget(9, "tag:feature"))
    assert spend(kept, 2).budget == Budget(1, action="raise")
    assert set(state(kept).values()) == {(0, 0)}


def test_what_costs_nothing_always_fits():
    kept = keeping(Budget(0, action="raise"))
    assert spend(kept, 0) is None
    kept.settle(ACME, None, Decimal(3))
    assert spend(kept, 0) is None


def test_what_costs_nobody_knows_what_fits_while_something_is_left():
    kept = keeping(Budget(1, action="raise"))
    hold = kept.reserve(ACME, None)
    assert (hold.refusal, state(kept)) == (None, {("session", "customer", "acme", "s-1"): (0, 0)})
    kept.settle(ACME, hold, Decimal(1))
    refusal = kept.reserve(ACME, None).refusal
    assert (refusal.spent, refusal.reserved, refusal.asked) == (1, 0, None)
    assert str(refusal) == "budget of $1 per session: $1 spent, $0 reserved, an unknown amount asked for"


def test_amounts_are_exact_whatever_the_host_does_to_decimals():
    kept = keeping(Budget("0.3", action="raise"))
    with localcontext() as context:
        context.prec = 1
        assert [spend(kept, "0.10000000000000000001") is None for _ in range(3)] == [True, True, False]
    assert state(kept) == {("session", "customer", "acme", "s-1"): (Decimal("0.20000000000000000002"), 0)}


AMOUNTS = st.decimals(0, 2, places=9)
CALLS = st.lists(
    st.tuples(st.sampled_from(["s-1", "s-2", None]), st.none() | AMOUNTS, AMOUNTS, st.booleans()), max_size=40
)


@given(CALLS, st.decimals(0, 5, places=3), st.randoms(use_true_random=False))
def test_no_more_is_spent_than_the_budget_and_what_estimates_were_short_by(calls, usd, random):
    """Calls begin and end in any order; some are never sent, some are not estimated."""
    kept = keeping(Budget(usd, action="raise"), Budget(usd, "entity", action="raise"))
    under_way, spent, short = [], Counter(), Decimal(0)

    def end():
        nonlocal short
        identity, asked, amount, hold = under_way.pop(random.randrange(len(under_way)))
        kept.settle(identity, hold, amount)
        if identity.session_id is not None:
            spent["session", "customer", "acme", identity.session_id] += amount
        spent["entity", "customer", "acme"] += amount
        short += max(0, amount - (asked or 0))

    for session_id, asked, amount, sent in calls:
        identity = ACME._replace(session_id=session_id)
        hold = kept.reserve(identity, asked)
        if hold.refusal is None:
            under_way.append((identity, asked, amount if sent else Decimal(0), hold))
        while under_way and random.random() < 0.4:
            end()
    while under_way:
        end()
    for key, (total, reserved) in state(kept).items():
        assert (total, reserved) == (spent[key], 0)
        assert total <= usd + short
    assert not kept._open


# What is said


def test_a_warning_is_logged_once_and_once_more_at_twice_the_budget(caplog):
    clock = Clock()
    kept = keeping(Budget("0.10", period="hour"), clock=clock)
    for _ in range(30):
        assert spend(kept, CENT) is None
    assert caplog.record_tuples == [
        (
            "infraprism",
            logging.WARNING,
            "infraprism: budget of $0.1 per session and hour: "
            f"${spent} spent, $0 reserved, $0.01 asked for; by 'customer/acme/s-1'",
        )
        for spent in ("0.1", "0.2")
    ]
    spend(kept, CENT, ACME._replace(session_id="s-2"))
    assert len(caplog.records) == 2
    clock.now += timedelta(hours=1)
    spend(kept, 1)
    assert len(caplog.records) == 3


def test_what_was_not_reserved_is_told_when_it_is_spent(caplog):
    told = []
    kept = keeping(
        Budget(1, "tag:feature"), Budget(1, "entity", action=told.append), Budget(1, action="raise")
    )
    for amount in ("0.5", "1", "0.1"):
        kept.settle(ACME, None, Decimal(amount))
    assert caplog.messages == [
        "infraprism: budget of $1 per tag:feature: $1.5 spent, $0 reserved, $0 asked for; by 'chat'"
    ]
    assert told == [
        Overrun(Budget(1, "entity", action=told.append), ACME, Decimal("1.5"), Decimal(0), Decimal(0))
    ]


def test_a_call_that_took_more_than_it_asked_for_is_told(caplog):
    kept = keeping(Budget(1))
    spend(kept, 2, asked="0.5")
    assert caplog.messages == [
        "infraprism: budget of $1 per session: $2 spent, $0 reserved, $0 asked for; by 'customer/acme/s-1'"
    ]


def test_a_function_is_called_for_each_call_that_does_not_fit():
    told = []
    budget = Budget(1, action=told.append)
    kept = keeping(budget)
    assert [spend(kept, "0.8") for _ in range(3)] == [None] * 3
    assert told == [
        Overrun(budget, ACME, Decimal(spent), Decimal(0), Decimal("0.8")) for spent in ("0.8", "1.6")
    ]


def test_a_function_can_refuse_a_call():
    def refuse(overrun):
        raise BudgetExceededError(overrun)

    kept = keeping(Budget(1, action=refuse))
    assert spend(kept, 1) is None
    assert spend(kept, 1).args[0].spent == 1
    assert state(kept) == {("session", "customer", "acme", "s-1"): (1, 0)}
    kept.settle(ACME, None, Decimal(5))  # too late to refuse anything


def test_a_function_that_fails_refuses_nothing(caplog):
    def fail(overrun):
        raise ValueError("a secret")

    kept = keeping(Budget(1, action=fail))
    assert [spend(kept, 1) for _ in range(3)] == [None] * 3
    assert guard.dropped() == {"budget_callback_failed": 2}
    assert "secret" not in caplog.text


def test_a_function_that_is_interrupted_leaves_nothing_reserved():
    def interrupt(overrun):
        raise KeyboardInterrupt

    kept = keeping(Budget(1, action=interrupt))
    with pytest.raises(KeyboardInterrupt):
        spend(kept, 2)
    assert state(kept) == {("session", "customer", "acme", "s-1"): (0, 0)}
    assert not kept._open


def test_no_lock_is_held_while_a_function_is_called():
    def elsewhere(overrun):
        thread = threading.Thread(target=kept.reserve, args=(Identity("s-2"), Decimal(1)), daemon=True)
        thread.start()
        thread.join(10)
        done.append(not thread.is_alive())

    done = []
    kept = keeping(Budget(1, action=elsewhere))
    spend(kept, 2)
    assert done == [True]


def test_the_error_can_be_sent_to_another_process():
    kept = keeping(Budget(1, "entity", "day", "raise"))
    for identity in (ACME, Identity(None, "customer", "acme")):
        refusal = spend(kept, 2, identity)
        again = pickle.loads(pickle.dumps(refusal))
        assert type(again) is BudgetExceededError
        assert again.args == refusal.args
        assert (again.budget, again.identity, again.spent, again.reserved, again.asked) == refusal.args[0]
        assert str(again) == "budget of $1 per entity and day: $0 spent, $0 reserved, $2 asked for"


# What is kept


def test_what_was_spent_stays_known_where_only_the_amount_or_the_action_changes():
    kept = keeping(Budget(1, action="raise"), Budget(1, "entity", action="raise"))
    spend(kept, 1)
    kept.use((Budget(2), Budget("1.5", action="raise")))
    assert spend(kept, "0.6").budget == Budget("1.5", action="raise")
    assert spend(kept, "0.5") is None
    assert state(kept) == {("session", "customer", "acme", "s-1"): (Decimal("1.5"), 0)}
    kept.use(())
    kept.use((Budget(1, action="raise"),))
    assert spend(kept, 1) is None


def test_a_call_under_way_outlives_its_budget(caplog):
    kept = keeping(Budget(1))
    hold = kept.reserve(ACME, Decimal(1))
    kept.use(())
    kept.settle(ACME, hold, Decimal(5))
    assert (caplog.messages, kept._open, hold.entries) == ([], set(), [])


def test_the_hour_is_also_sixty_minutes():
    assert Budget(1, period="hour").scope == Budget(2, period=timedelta(minutes=60)).scope


def test_memory_is_bounded_and_what_is_forgotten_is_counted():
    clock = Clock()
    kept = keeping(Budget(1, period="hour", action="raise"), capacity=100, clock=clock)
    for number in range(1000):
        spend(kept, 1, Identity(f"s-{number}"))
        spend(kept, 0, Identity("s-0"))
    assert len(state(kept)) == 100
    assert guard.dropped() == {"budget_evicted": 900}
    assert spend(kept, 1, Identity("s-0")) is not None  # it was never idle
    clock.now += timedelta(hours=1)
    spend(kept, 1)
    assert len(state(kept)) == 1
    assert guard.dropped() == {"budget_evicted": 900}


def test_threads_lose_nothing_and_overrun_nothing():
    kept = keeping(Budget(1, action="raise"), Budget(100, "entity"))

    def run():
        made.extend(spend(kept, CENT) for _ in range(50))

    made = []
    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(refusal is None for refusal in made) == {True: 100, False: 300}
    assert state(kept) == {
        ("session", "customer", "acme", "s-1"): (1, 0),
        ("entity", "customer", "acme"): (1, 0),
    }


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_has_what_was_spent_and_not_what_is_reserved():
    kept = keeping(Budget(1, action="raise"))
    spend(kept, "0.2")
    hold = kept.reserve(ACME, Decimal("0.5"))
    held, done = threading.Event(), threading.Event()

    def hold_the_lock():
        with kept._lock:
            held.set()
            done.wait()

    thread = threading.Thread(target=hold_the_lock)
    thread.start()
    held.wait()
    child = os.fork()
    if child == 0:
        before = state(kept)
        kept.settle(ACME, hold, Decimal("0.5"))  # it is the parent's
        after = state(kept)
        fits = spend(kept, "0.8") is None
        expected = {("session", "customer", "acme", "s-1"): (Decimal("0.2"), 0)}
        os._exit(0 if (before, after, fits) == (expected, expected, True) else 1)
    done.set()
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert state(kept) == {("session", "customer", "acme", "s-1"): (Decimal("0.2"), Decimal("0.5"))}
