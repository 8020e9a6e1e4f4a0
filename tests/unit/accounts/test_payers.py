from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from tallygate.accounts import Stretch, payer_at, stretches
from tallygate.accounts.model import Organization, PayerChange
from tallygate.accounts.payers import Resident
from tallygate.core.period import Period

START = datetime(2026, 4, 1, tzinfo=UTC)
APRIL = Period(START, datetime(2026, 5, 1, tzinfo=UTC))
ACME = Organization("org_acme", "Acme", "bil_acme", START)


def day(number: int) -> datetime:
    return START + timedelta(days=number)


def paid(
    account: str,
    projects: Sequence[str] = ("prj_web",),
    changes: Sequence[PayerChange] = (),
    residents: Sequence[Resident] = (),
) -> tuple[Stretch, ...]:
    return stretches(
        account, ACME, projects=projects, changes=changes, residents=residents, period=APRIL
    )


def test_without_a_change_the_organization_pays_for_everything() -> None:
    found = paid("bil_acme", residents=[Resident("res_1", "prj_web")])
    assert found == tuple(
        Stretch(subject, APRIL) for subject in ("bil_acme", "org_acme", "prj_web", "res_1")
    )


def test_another_account_pays_for_itself_alone_until_a_project_is_given_to_it() -> None:
    assert paid("bil_b", residents=[Resident("res_1", "prj_web")]) == (Stretch("bil_b", APRIL),)


def test_a_switch_in_the_month_splits_it_between_the_payers() -> None:
    """D9: organization to project and back; each pays for its own stretch."""
    changes = [
        PayerChange("prj_web", day(10), "bil_b"),
        PayerChange("prj_web", day(20), None),
    ]
    residents = [Resident("res_1", "prj_web"), Resident("res_2", "prj_old")]
    projects = ["prj_web", "prj_old"]
    ours = paid("bil_acme", projects, changes, residents)
    theirs = paid("bil_b", projects, changes, residents)
    assert [s.window for s in ours if s.subject == "res_1"] == [
        Period(day(0), day(10)),
        Period(day(20), day(30)),
    ]
    assert [s.window for s in ours if s.subject == "res_2"] == [APRIL]
    assert [s for s in theirs if s.subject != "bil_b"] == [
        Stretch("prj_web", Period(day(10), day(20))),
        Stretch("res_1", Period(day(10), day(20))),
    ]


def test_a_switch_at_a_boundary_belongs_to_the_period_that_begins_there() -> None:
    change = PayerChange("prj_web", APRIL.start, "bil_b")
    assert payer_at([change], ACME, APRIL.start) == "bil_b"
    assert payer_at([change], ACME, APRIL.start - timedelta(microseconds=1)) == "bil_acme"
    later = [PayerChange("prj_web", APRIL.end, "bil_b")]
    assert len(paid("bil_b", changes=later)) == 1


def test_windows_that_touch_are_one() -> None:
    changes = [PayerChange("prj_web", day(10), "bil_acme"), PayerChange("prj_web", day(12), None)]
    found = paid("bil_acme", changes=changes)
    assert Stretch("prj_web", APRIL) in found


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(-5, 35), st.sampled_from(["bil_acme", "bil_b", "bil_c", None])),
        unique_by=lambda change: change[0],
    ),
    st.integers(0, 29),
)
def test_at_every_instant_exactly_one_account_pays(
    switches: list[tuple[int, str | None]], number: int
) -> None:
    changes = [PayerChange("prj_web", day(since), payer) for since, payer in switches]
    payers = [
        account
        for account in ("bil_acme", "bil_b", "bil_c")
        for stretch in paid(account, changes=changes)
        if stretch.subject == "prj_web" and day(number) in stretch.window
    ]
    assert payers == [payer_at(changes, ACME, day(number))]
