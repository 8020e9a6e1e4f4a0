"""What cannot be moved or switched is refused with a sentence, and nothing changes."""

from datetime import timedelta
from typing import Any

import pytest
from tests.workflows.two_tenants import SHOP, Two, at

from tallygate.adapters.store import (
    accounts,
    audit_log,
)
from tallygate.adapters.store.homes import homes_of
from tallygate.core.errors import Conflict, Invalid, NotFound
from tallygate.core.failpoints import armed
from tallygate.workflows.accounts import (
    create_billing_account,
    create_organization,
    create_project,
    switch_payer,
)
from tallygate.workflows.operate import create_resource, delete_resource
from tallygate.workflows.project_moves import move_project
from tallygate.workflows.subscribe import subscribe

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def test_a_name_that_is_taken_there_keeps_it_here(two: Two) -> None:
    two.vm("m1", at(1))
    create_project(two.installation, two.zeta.id, "theirs", tenant=None, external_id="m1")
    two.clock.set(at(11))
    with pytest.raises(Conflict, match=f"'m1'.*names something else in {two.zeta.id}"):
        two.move()
    unmoved(two)


def unmoved(two: Two) -> None:
    """Nothing of a refused move is left."""
    with two.installation.store.read() as tx:
        assert homes_of(tx, two.web.id) == ()
        assert accounts.get_project(tx, two.web.id).organization == two.acme.id
        assert accounts.payer_changes(tx, two.zeta.id) == ()
        told = [e.entry.operation for e in audit_log.page(tx, two.zeta.id)]
        assert "project.joined" not in told


def test_what_cannot_be_is_refused_and_changes_nothing(two: Two) -> None:
    here = two.installation
    two.vm("m1", at(1))
    two.clock.set(at(11))
    poor = create_organization(here, "Poor", external_id="poor")
    spare = create_billing_account(here, two.zeta.id, "Spare", tenant=None)
    attempts: list[tuple[type[Exception], str, Any]] = [
        (Conflict, "is part of", lambda: move_project(here, two.web.id, two.acme.id)),
        (NotFound, "organization", lambda: move_project(here, two.web.id, "org_none")),
        (NotFound, "project", lambda: move_project(here, "prj_none", two.zeta.id)),
        (NotFound, "account", lambda: two.move(billing_account=two.acme.billing_account)),
        (Conflict, "no subscription", lambda: move_project(here, two.web.id, poor.id)),
        (Conflict, "no subscription", lambda: two.move(billing_account=spare.id)),
        (Invalid, "in the future", lambda: two.move(at(11) + HOUR)),
        (Conflict, "leaves after", lambda: two.move(at(1) - DAY)),
    ]
    for kind, said, attempt in attempts:
        with pytest.raises(kind, match=said):
            attempt()
    two.close(at(1, month=2))
    with pytest.raises(Conflict, match="billed up to 2026-02-01"):
        two.move(at(20))
    unmoved(two)


def test_a_currency_that_the_price_lacks_is_refused(two: Two) -> None:
    two.vm("m1", at(1))
    euro = SHOP.replace("currency: usd", "currency: eur")
    two.platform.publish(euro)
    lab = create_billing_account(two.installation, two.acme.id, "Lab", tenant=None)
    subscribe(two.installation, lab.id, "pro", currency="eur")
    two.platform.publish(
        SHOP.replace("  vm: {price: vm, spec: {vcpu: 4}}\n", "").replace(
            "resources:\n", "resources:\n  gpu: {price: vm}\n"
        )
    )
    two.clock.set(at(11))
    create_resource(two.installation, "web", "gpu", tenant=None)
    with pytest.raises(Conflict, match="given in usd and not in eur"):
        switch_payer(two.installation, two.web.id, lab.id, tenant=None)
    with two.installation.store.read() as tx:
        assert accounts.payer_changes(tx, two.acme.id) == ()


def test_a_payer_without_a_subscription_is_refused_while_something_costs(two: Two) -> None:
    lab = create_billing_account(two.installation, two.acme.id, "Lab", tenant=None)
    create_resource(two.installation, "web", "free", tenant=None)
    vm = two.vm("m1")
    two.clock.set(at(2))
    with pytest.raises(Conflict, match=r"type vm, which costs.*no subscription"):
        switch_payer(two.installation, two.web.id, lab.id, tenant=None)
    with pytest.raises(Conflict, match=r"pays for .* already"):
        switch_payer(two.installation, two.web.id, None, tenant=None)
    delete_resource(two.installation, vm.id, tenant=None)
    two.clock.set(at(3))
    switch_payer(two.installation, two.web.id, lab.id, tenant=None)
    with two.installation.store.read() as tx:
        [entry] = [e.entry for e in audit_log.page(tx, two.acme.id) if e.entry.actor == "cli"]
    assert (entry.operation, entry.billing_account) == ("payer.switched", lab.id)


def test_a_move_happens_whole_or_not_at_all(two: Two) -> None:
    two.vm("m1", at(1))
    two.clock.set(at(11))

    def stop() -> None:
        raise KeyError

    with armed("relocate.commit.before", stop), pytest.raises(KeyError):
        two.move()
    unmoved(two)
    two.move()
    with two.installation.store.read() as tx:
        told = [e.entry.operation for o in (two.acme, two.zeta) for e in audit_log.page(tx, o.id)]
    assert told == ["project.left", "project.joined"]
