from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tallygate.accounts.homes import home_at, homes_from, moved, within_homes
from tallygate.accounts.model import Home, Organization, PayerChange
from tallygate.accounts.payers import Resident, payer_at, stretches
from tallygate.core.period import Period, to_micros

START = datetime(2026, 4, 1, tzinfo=UTC)
APRIL = Period(START, datetime(2026, 5, 1, tzinfo=UTC))
TICK = timedelta(microseconds=1)
ACME = Organization("org_acme", "Acme", "bil_acme", START)
ZETA = Organization("org_zeta", "Zeta", "bil_zeta", START)


def day(number: int) -> datetime:
    return START + timedelta(days=number)


def lived(*days: int) -> tuple[Home, ...]:
    """The homes of a project of Acme's that moves to and fro on these days."""
    homes: tuple[Home, ...] = ()
    owners = [ACME.id, ZETA.id]
    for number in days:
        former, here = owners
        homes = moved(homes, "prj_web", former, here, day(number))
        owners.reverse()
    return homes


def test_at_the_very_instant_it_is_the_new_ones() -> None:
    homes = lived(10, 20)
    assert [home_at(homes, at) for at in (day(10) - TICK, day(10), day(20) - TICK, day(20))] == [
        *("org_acme", "org_zeta"),
        *("org_zeta", "org_acme"),
    ]


def test_homes_follow_each_other_without_a_gap() -> None:
    assert [(home.organization, home.since, home.until) for home in lived(10, 20)] == [
        ("org_acme", None, day(10)),
        ("org_zeta", day(10), day(20)),
        ("org_acme", day(20), None),
    ]


def test_what_came_after_a_move_never_was_the_former_ones() -> None:
    homes = lived(10, 20)
    assert homes_from(homes, day(5)) == homes
    assert [home.organization for home in homes_from(homes, day(10))] == ["org_zeta", "org_acme"]
    assert homes_from(homes, day(10))[0].since is None
    # Each organization's own homes give what it had.
    own = [home for home in homes if home.organization == "org_acme"]
    assert homes_from(own, day(15)) == (Home("prj_web", "org_acme", day(20), None),)
    assert homes_from(own, day(25)) == (Home("prj_web", "org_acme", None, None),)


def test_windows_are_cut_to_the_homes() -> None:
    own = [home for home in lived(10, 20) if home.organization == "org_acme"]
    assert within_homes([APRIL], own) == (Period(day(0), day(10)), Period(day(20), day(30)))
    assert within_homes([Period(day(12), day(15))], own) == ()


@given(
    st.lists(st.integers(1, 29), unique=True, max_size=4).map(sorted),
    st.lists(
        st.tuples(st.integers(0, 29), st.sampled_from(["bil_acme", "bil_lab", "bil_zeta", None])),
        unique_by=lambda change: change[0],
    ),
    st.integers(-3, 29),
    st.integers(0, 29),
)
def test_at_every_instant_one_account_of_one_organization_pays(
    moves: list[int], switches: list[tuple[int, str | None]], born: int, number: int
) -> None:
    homes = lived(*moves)
    theirs = {ACME.id: {"bil_acme", "bil_lab", None}, ZETA.id: {"bil_zeta", None}}
    changes = {
        owner.id: [
            PayerChange("prj_web", day(since), payer)
            for since, payer in switches
            if payer in theirs[owner.id]
        ]
        for owner in (ACME, ZETA)
    }
    accounts = [(ACME, "bil_acme"), (ACME, "bil_lab"), (ZETA, "bil_zeta")]
    residents = [Resident("res_1", "prj_web", to_micros(day(born)))]
    for subject, since in (("prj_web", None), ("res_1", day(born))):
        found = [
            account
            for owner, account in accounts
            for stretch in stretches(
                account,
                owner,
                projects=["prj_web"] if homes or owner is ACME else [],
                changes=changes[owner.id],
                residents=residents if homes or owner is ACME else [],
                period=APRIL,
                homes=[home for home in homes if home.organization == owner.id],
            )
            if stretch.subject == subject and day(number) in stretch.window
        ]
        at = day(number) if since is None else max(day(number), since)
        owner = ZETA if homes and home_at(homes, at) == ZETA.id else ACME
        assert found == [payer_at(changes[owner.id], owner, at)]
