"""What is read of an organization at once is what is read of it one by one, on both engines."""

from datetime import UTC, datetime, timedelta

import pytest

from tallygate.accounts.model import BillingAccount, Home, Organization, PayerChange, Project
from tallygate.adapters.store import Store, Transaction, accounts
from tallygate.adapters.store.homes import homes_of, relocate
from tallygate.adapters.store.trees import Tree, tree_of, trees_of
from tallygate.core.errors import NotFound

START = datetime(2026, 4, 1, tzinfo=UTC)
ODD = 'Zoë "O\'Neil" \\ {a: [1]}'
"""A name with what a document may trip over."""


def plant(tx: Transaction, name: str) -> Organization:
    """An organization with two accounts, one of which pays in euros, and two projects."""
    made = Organization(f"org_{name}", ODD, f"bil_{name}_1", START, f"{name}/own")
    accounts.save_organization(tx, made)
    for number, currency in ((2, "eur"), (1, None)):
        accounts.save_billing_account(
            tx,
            BillingAccount(f"bil_{name}_{number}", made.id, ODD, START, currency, f"{number}"),
        )
    for number in (2, 1):
        accounts.save_project(
            tx, Project(f"prj_{name}_{number}", made.id, ODD, START, f"{name} {number}")
        )
    for day, account in ((9, None), (3, f"bil_{name}_2")):
        change = PayerChange(f"prj_{name}_2", START + timedelta(days=day), account)
        accounts.save_payer_change(tx, change, made.id)
    return made


def one_by_one(tx: Transaction, organization: str) -> Tree:
    projects = {one.id: one for one in accounts.list_projects(tx, organization)}
    return Tree(
        accounts.get_organization(tx, organization),
        {one.id: one for one in accounts.list_billing_accounts(tx, organization)},
        projects,
        list(accounts.payer_changes(tx, organization)),
        [home for project in projects for home in homes_of(tx, project)],
    )


def test_a_tree_is_what_is_there_and_nobody_elses(store: Store) -> None:
    with store.write() as tx:
        acme, other = plant(tx, "acme"), plant(tx, "other")
        bare = Organization("org_bare", "B", "bil_bare", START, None)
        accounts.save_organization(tx, bare)
        accounts.save_billing_account(tx, BillingAccount("bil_bare", bare.id, "B", START))
    with store.read() as tx:
        trees = trees_of(tx, ["bil_other_2", "bil_bare", "bil_acme_1", "bil_acme_2"])
        assert trees["bil_acme_1"] == trees["bil_acme_2"] == one_by_one(tx, acme.id)
        assert trees["bil_other_2"] == one_by_one(tx, other.id) == tree_of(tx, other.id)
        assert trees["bil_bare"] == one_by_one(tx, bare.id)
        assert [change.since.day for change in tree_of(tx, acme.id).changes] == [4, 10]
        assert trees_of(tx, []) == {}


def test_a_project_that_has_moved_is_in_both_trees_with_all_its_homes(store: Store) -> None:
    with store.write() as tx:
        acme, other, third = (plant(tx, name) for name in ("acme", "other", "third"))
        moved = START + timedelta(days=12)
        relocate(
            tx,
            [Home("prj_acme_1", acme.id, None, moved), Home("prj_acme_1", other.id, moved, None)],
        )
    with store.read() as tx:
        left, here = tree_of(tx, acme.id), tree_of(tx, other.id)
        assert (left.former, here.former) == ({"prj_acme_1"}, set())
        assert left.homes_of("prj_acme_1") == here.homes_of("prj_acme_1")
        assert here == one_by_one(tx, other.id)
        assert homes_of(tx, "prj_acme_1") == here.homes_of("prj_acme_1")
        assert "prj_acme_1" in here.projects
        assert "prj_acme_1" not in left.projects
        assert tree_of(tx, third.id).homes == []


def test_who_is_not_there_gets_a_sentence(store: Store) -> None:
    with store.write() as tx:
        plant(tx, "acme")
    with store.read() as tx:
        with pytest.raises(NotFound, match="no organization org_nobody"):
            tree_of(tx, "org_nobody")
        with pytest.raises(NotFound, match="no billing account bil_nobody"):
            trees_of(tx, ["bil_acme_1", "bil_nobody"])
