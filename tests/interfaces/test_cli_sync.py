"""`usage sync` against a local Stripe, from the operator's chair."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.interfaces.commands import Run, told
from tests.workflows.metered_world import FEBRUARY, HOUR, MeteredWorld
from tests.workflows.stripe_account import START

from tallygate.adapters.store import installation as installations
from tallygate.adapters.store import migrate, open_store
from tallygate.core.ids import IdSource
from tallygate.testing import FrozenClock, repeatable_bits
from tallygate.workflows.close import close_due
from tallygate.workflows.installation import Installation
from tallygate.workflows.mirror.identity import identity_of
from tallygate_sandbox.testing import running_sandbox


@pytest.fixture
def metered(tmp_path: Path) -> Iterator[MeteredWorld]:
    """A platform whose usage a local Stripe bills, in the database that commands open."""
    store = open_store(f"sqlite:///{tmp_path}/billing.db", create=True)
    migrate(store)
    clock = FrozenClock()
    with running_sandbox(frozen=START) as sandbox:
        installation = Installation(store, clock, IdSource(clock, repeatable_bits()))
        yield MeteredWorld(installation, sandbox)
    store.close()


@pytest.fixture
def stripe(metered: MeteredWorld) -> dict[str, str]:
    """The settings of an account at a local Stripe, by whose clock commands live."""
    url = metered.sandbox.url
    return {
        "STRIPE_SECRET_KEY": "sk_test_operator",
        "STRIPE_API_BASE": url,
        "TALLYGATE_CLOCK": url,
    }


def totals(shown: Any) -> dict[str, Any]:
    return {one["price"]: one for one in shown["totals"]}


def used(metered: MeteredWorld) -> str:
    account = metered.subscribed()
    metered.use(calls="142", hours="1.5")
    metered.pass_time(HOUR)
    return account


def test_a_dry_run_shows_what_a_commit_does(
    run: Run, metered: MeteredWorld, stripe: dict[str, str]
) -> None:
    account = used(metered)
    dry = run("usage", "sync", code=2, env=stripe)
    assert "2 to be reported. Nothing was sent: add --commit." in dry.stderr
    for word in (account, "calls", "2026-01-01 to 2026-02-01", "42", "1500"):
        assert word in dry.stdout
    assert metered.counts() == []
    done = told(run("usage", "sync", "--commit", "--json", env=stripe))
    assert (done["committed"], done["sent"], done["problems"]) == (True, 2, {})
    assert totals(done)["calls"] == {
        "billing_account": account,
        "subscription": metered.mirrors(account)[0].subscription,
        "price": "calls",
        "period_start": "2026-01-01T00:00:00Z",
        "period_end": "2026-02-01T00:00:00Z",
        "reported": None,
        "total": 42,
        "shown": 0,
        "changes": True,
        "adjustment": None,
        "currency": None,
        "note": "",
    }
    after = told(run("usage", "sync", "--json", env=stripe))
    assert totals(after)["calls"] | {"changes": False} == totals(after)["calls"]
    assert [one["shown"] for one in after["totals"]] == [42, 0, 1500]
    assert "Reported 0 totals." in run("usage", "sync", "--commit", env=stripe).stdout
    metered.check(account)


def test_one_account_or_one_item_alone(
    run: Run, metered: MeteredWorld, stripe: dict[str, str]
) -> None:
    one = used(metered)
    other = metered.subscribed("globex", metered=("calls",))
    item = metered.add_item(other, "compute")
    metered.use("globex", calls="101", hours="1")
    metered.pass_time(HOUR)
    dry = told(run("usage", "sync", "--account", "acme", "--json", code=2, env=stripe))
    assert {each["billing_account"] for each in dry["totals"]} == {one}
    words = ("usage", "sync", "--subscription-item", item, "--commit")
    assert "Reported 1 total." in run(*words, env=stripe).stdout
    assert metered.shown(other) == {"calls": 0, "space": 0, "compute": 1000}
    assert metered.counts() == [(metered.counts()[0][0], 1000)]
    run("usage", "sync", "--account", "globex", "--commit", env=stripe)
    assert metered.shown(other)["calls"] == 1
    assert metered.shown(one)["calls"] == 0
    said = run("usage", "sync", "--subscription-item", "si_unknown", code=1, env=stripe).stderr
    assert "has an item 'si_unknown'" in said


def test_a_closed_month_is_shown_as_its_adjustment_and_not_sent_again(
    run: Run, metered: MeteredWorld, stripe: dict[str, str]
) -> None:
    account = used(metered)
    run("usage", "sync", "--month", "2026-01", "--commit", env=stripe)
    metered.move_to(FEBRUARY + timedelta(minutes=30))
    close_due(metered.installation)
    counted = metered.counts()
    metered.late("acme", FEBRUARY - HOUR, calls="10")
    words = ("usage", "sync", "--month", "2026-01", "--commit", "--json")
    shown = totals(told(run(*words, env=stripe)))
    calls = shown["calls"]
    assert (calls["reported"], calls["total"], calls["shown"]) == (42, None, 42)
    assert (calls["adjustment"], calls["currency"], calls["changes"]) == (50, "usd", False)
    assert shown["compute"]["adjustment"] == 0
    assert metered.counts() == counted
    text = run("usage", "sync", "--month", "2026-01", "--account", account, env=stripe).stdout
    assert "adjustment of 0.50 USD" in text
    assert "nothing to adjust" in text
    metered.use(calls="101")
    metered.pass_time(HOUR)
    february = told(run("usage", "sync", "--month", "2026-02", "--json", code=2, env=stripe))
    assert {one["period_start"] for one in february["totals"]} == {"2026-02-01T00:00:00Z"}
    assert totals(february)["calls"]["total"] == 1
    march = run("usage", "sync", "--month", "2026-03", env=stripe)
    assert "There is no usage to report." in march.stdout


def test_what_stands_in_the_way_is_said(
    run: Run, metered: MeteredWorld, stripe: dict[str, str]
) -> None:
    used(metered)
    metered.tenant("local")
    said = run("usage", "sync", "--account", "local", code=1, env=stripe).stderr
    assert "is no customer at Stripe" in said
    metered.fail("error", path="/v1/billing/meter_events")
    partly = run("usage", "sync", "--commit", code=3, env=stripe)
    assert "warning: " in partly.stderr
    assert "500" in partly.stderr
    identity_of(metered.installation)
    with metered.installation.store.write() as tx:
        installations.shut_sender(tx)
    shut = run("usage", "sync", "--commit", code=1, env=stripe).stderr
    assert "The sender is shut" in shut
    assert "to be reported" in run("usage", "sync", code=2, env=stripe).stderr


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--month", "2026-13"), "--month is a month like 2026-11, not '2026-13'."),
        (("--month", "January"), "--month is a month like 2026-11"),
        (("--account", "a", "--subscription-item", "si_1"), "not both"),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused(
    run: Run, stripe: dict[str, str], words: tuple[str, ...], why: str
) -> None:
    assert why in run("usage", "sync", *words, code=2, env=stripe).stderr


def test_without_a_provider_there_is_nothing_to_sync(run: Run) -> None:
    run("db", "upgrade")
    assert "No payment provider is set" in run("usage", "sync", code=1).stderr
