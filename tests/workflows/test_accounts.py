from collections.abc import Callable
from datetime import timedelta

import pytest

from tallygate.accounts.model import Member, PayerChange
from tallygate.adapters.store import accounts, members, subjects
from tallygate.core.errors import Conflict, Invalid, NotFound
from tallygate.core.failpoints import armed
from tallygate.core.period import Period
from tallygate.testing import FrozenClock
from tallygate.workflows.accounts import (
    create_billing_account,
    create_organization,
    create_project,
    locate_account,
    switch_payer,
)
from tallygate.workflows.installation import Installation
from tallygate.workflows.members import add_member, change_role, remove_member

HOUR = timedelta(hours=1)


def test_an_organization_comes_with_the_account_that_pays(
    each_installation: Installation,
) -> None:
    acme = create_organization(each_installation, "Acme", external_id="acme-1")
    with each_installation.store.read() as tx:
        assert accounts.get_organization(tx, acme.id) == acme
        account = accounts.get_billing_account(tx, acme.billing_account, acme.id)
        for name in (acme.id, "acme-1", account.id):
            assert locate_account(tx, name, None) == account
        assert subjects.resolve_subject(tx, account.id, acme.id).kind == "billing_account"


def test_an_organization_is_made_whole_or_not_at_all(installation: Installation) -> None:
    def stop() -> None:
        raise KeyError

    with armed("organization.commit.before", stop), pytest.raises(KeyError):
        create_organization(installation, "Acme")
    with installation.store.read() as tx:
        assert accounts.list_organizations(tx) == ()
        assert accounts.list_billing_accounts(tx, None) == ()


@pytest.mark.parametrize("name", ["", "  ", "x" * 201, "a\nb", "a\x00b"])
def test_a_name_is_printable(installation: Installation, name: str) -> None:
    with pytest.raises(Invalid, match="printable"):
        create_organization(installation, name)


@pytest.mark.parametrize("external_id", ["", "a b", "x" * 129, "org_" + "0" * 26, "ä"])
def test_an_external_id_has_a_grammar_and_is_none_of_ours(
    installation: Installation, external_id: str
) -> None:
    with pytest.raises(Invalid, match="external"):
        create_organization(installation, "Acme", external_id=external_id)


def test_two_organizations_have_two_external_ids(installation: Installation) -> None:
    create_organization(installation, "Acme", external_id="acme")
    with pytest.raises(Conflict, match="'acme' already"):
        create_organization(installation, "Acme again", external_id="acme")


def test_a_foreign_id_is_not_found(installation: Installation, clock: FrozenClock) -> None:
    acme = create_organization(installation, "Acme")
    zeta = create_organization(installation, "Zeta")
    web = create_project(installation, acme.id, "web", tenant=acme.id)
    ann = add_member(installation, acme.id, "ann", tenant=acme.id)
    attempts: list[Callable[[], object]] = [
        lambda: create_project(installation, acme.id, "x", tenant=zeta.id),
        lambda: create_billing_account(installation, acme.id, "x", tenant=zeta.id),
        lambda: add_member(installation, acme.id, "bob", tenant=zeta.id),
        lambda: remove_member(installation, ann.id, tenant=zeta.id),
        lambda: switch_payer(installation, web.id, None, tenant=zeta.id),
        # A foreign account cannot be made to pay either, not even by the platform.
        lambda: switch_payer(installation, web.id, zeta.billing_account, tenant=acme.id),
        lambda: switch_payer(installation, web.id, zeta.billing_account, tenant=None),
        lambda: create_project(
            installation, acme.id, "x", tenant=acme.id, billing_account=zeta.billing_account
        ),
    ]
    for attempt in attempts:
        with pytest.raises(NotFound):
            attempt()
    with installation.store.read() as tx:
        assert accounts.list_projects(tx, None) == (web,)
        assert accounts.payer_changes(tx, acme.id) == ()
        with pytest.raises(NotFound):
            locate_account(tx, acme.id, zeta.id)
        with pytest.raises(NotFound):
            locate_account(tx, web.id, acme.id)


def test_a_project_may_have_a_payer_from_its_beginning(installation: Installation) -> None:
    acme = create_organization(installation, "Acme")
    lab = create_billing_account(installation, acme.id, "Lab", tenant=None, currency="eur")
    web = create_project(installation, acme.id, "web", tenant=None, billing_account=lab.id)
    with installation.store.read() as tx:
        assert accounts.payer_changes(tx, acme.id, web.id) == (
            PayerChange(web.id, web.created_at, lab.id),
        )
        assert accounts.get_billing_account(tx, lab.id).currency == "eur"


def test_the_payer_is_switched_now_or_later_and_never_before(
    installation: Installation, clock: FrozenClock
) -> None:
    acme = create_organization(installation, "Acme")
    lab = create_billing_account(installation, acme.id, "Lab", tenant=None)
    web = create_project(installation, acme.id, "web", tenant=None)
    clock.advance(HOUR)
    with pytest.raises(Invalid, match="in the past"):
        switch_payer(installation, web.id, lab.id, tenant=None, at=clock.now() - HOUR)
    switch_payer(installation, web.id, lab.id, tenant=None)
    with pytest.raises(Conflict, match="that very instant"):
        switch_payer(installation, web.id, None, tenant=None)
    switch_payer(installation, web.id, None, tenant=None, at=clock.now() + 2 * HOUR)
    with pytest.raises(Conflict, match="is to change"):
        switch_payer(installation, web.id, lab.id, tenant=None, at=clock.now() + HOUR)
    with installation.store.read() as tx:
        payers = [change.billing_account for change in accounts.payer_changes(tx, acme.id)]
    assert payers == [lab.id, None]


def test_members_come_and_go(installation: Installation, clock: FrozenClock) -> None:
    acme = create_organization(installation, "Acme")
    ann = add_member(installation, acme.id, "ann", "owner", tenant=acme.id)
    with pytest.raises(Conflict, match="ann is a member"):
        add_member(installation, acme.id, "ann", tenant=acme.id)
    with pytest.raises(Invalid, match="A role is one of"):
        add_member(installation, acme.id, "bob", "king", tenant=acme.id)
    with pytest.raises(Invalid, match="in the future"):
        add_member(installation, acme.id, "bob", tenant=acme.id, at=clock.now() + HOUR)
    clock.advance(HOUR)
    with pytest.raises(Invalid, match="before joining"):
        remove_member(installation, ann.id, tenant=acme.id, at=clock.now() - 2 * HOUR)
    with pytest.raises(Conflict, match="last owner"):
        remove_member(installation, ann.id, tenant=acme.id)
    with pytest.raises(Conflict, match="last owner"):
        change_role(installation, ann.id, "billing", tenant=acme.id)
    eve = add_member(installation, acme.id, "eve", tenant=acme.id)
    change_role(installation, eve.id, "owner", tenant=acme.id)
    gone = remove_member(installation, ann.id, tenant=acme.id)
    assert gone == Member(ann.id, acme.id, "ann", "owner", ann.since, clock.now())
    clock.advance(HOUR)
    assert remove_member(installation, ann.id, tenant=acme.id) == gone
    assert add_member(installation, acme.id, "ann", tenant=acme.id).id != ann.id
    with pytest.raises(Conflict, match="has left"):
        change_role(installation, ann.id, "viewer", tenant=acme.id)


def test_a_member_of_a_project_takes_no_seat(installation: Installation) -> None:
    acme, zeta = (create_organization(installation, name) for name in ("Acme", "Zeta"))
    web = create_project(installation, acme.id, "Web", tenant=acme.id)
    add_member(installation, acme.id, "ann", tenant=None)
    there = add_member(installation, acme.id, "ann", "owner", tenant=None, project=web.id)
    assert there.project == web.id
    with pytest.raises(Conflict, match="ann is a member of this project"):
        add_member(installation, acme.id, "ann", tenant=None, project=web.id)
    with pytest.raises(NotFound):
        add_member(installation, zeta.id, "bob", tenant=None, project=web.id)
    day = Period(installation.now, installation.now + HOUR)
    with installation.store.read() as tx:
        seats = members.members_during(tx, acme.id, day)
        assert [member.project for member in seats] == [None]
        assert len(members.members_at(tx, acme.id, installation.now)) == 2
        assert members.list_members(tx, None, project=web.id) == (there,)


def test_a_currency_is_one(installation: Installation) -> None:
    acme = create_organization(installation, "Acme")
    with pytest.raises(Invalid, match="no currency"):
        create_billing_account(installation, acme.id, "x", tenant=None, currency="dollars")


def test_an_owner_of_a_project_is_no_owner_of_the_organization(installation: Installation) -> None:
    acme, zeta = (create_organization(installation, name) for name in ("Acme", "Zeta"))
    web = create_project(installation, acme.id, "Web", tenant=acme.id)
    ann = add_member(installation, acme.id, "ann", "owner", tenant=None)
    own = add_member(installation, acme.id, "bob", "owner", tenant=None, project=web.id)
    with pytest.raises(Conflict, match="last owner"):
        remove_member(installation, ann.id, tenant=acme.id)
    with pytest.raises(NotFound):
        change_role(installation, own.id, "viewer", tenant=zeta.id)
    assert change_role(installation, own.id, "viewer", tenant=acme.id).role == "viewer"
