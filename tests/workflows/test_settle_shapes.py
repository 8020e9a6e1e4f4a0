"""Whatever a signed event holds, it is settled, and marks nobody whom it does not name."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from tallygate.adapters.store import attention, customers, inbox
from tallygate.adapters.store.inbox import NewHint
from tallygate.core.errors import Refused
from tallygate.workflows.accounts import create_organization
from tallygate.workflows.installation import Installation
from tallygate.workflows.mirror import settle
from tallygate.workflows.mirror.settle import settle_due

ODD: list[bytes] = [
    b"",
    b"\x00\xff",
    b"[]",
    b"null",
    b"7",
    b'"evt_1"',
    b"{}",
    b'{"data": null}',
    b'{"data": []}',
    b'{"data": {"object": null}}',
    b'{"data": {"object": []}}',
    b'{"data": {"object": {"object": 7}}}',
    b'{"data": {"object": {"object": "customer", "id": 7}}}',
    b'{"data": {"object": {"object": "customer", "id": null}}}',
    b'{"data": {"object": {"object": "invoice", "customer": 7}}}',
    b'{"data": {"object": {"object": "invoice", "customer": []}}}',
    b'{"data": {"object": {"object": "invoice", "customer": {}}}}',
    b'{"data": {"object": {"object": "invoice", "customer": {"id": 7}}}}',
    b'{"data": {"object": {"object": "invoice", "customer": {"id": ["cus_ours"]}}}}',
    b'{"data": {"object": {"object": "invoice", "customer": {"id": null}}}}',
    b'{"data": {"object": {"object": "invoice", "customer": "' + b"x" * 100_000 + b'"}}}',
    b"[" * 2000 + b"]" * 2000,
    b'{"data": ' * 500 + b"1" + b"}" * 500,
]
TYPES = [
    "customer.subscription.updated",
    "a.type.of.tomorrow",
    "checkout.session.completed",
    "v1.billing.meter.error_report_triggered",
]


class Nothing:
    """A provider at which none of it is found."""

    name, live = "Stripe", False

    def __getattr__(self, _name: str) -> Any:
        return self._refuse

    @staticmethod
    def _refuse(*_: object) -> object:
        raise Refused("No such object.")


@pytest.fixture
def ours(installation: Installation) -> str:
    """The billing account of the one customer that we have."""
    made = create_organization(installation, "acme", external_id="acme")
    with installation.store.write() as tx:
        customers.link(
            tx, made.billing_account, made.id, "cus_ours", email=None, at=installation.now
        )
    return made.billing_account


def keep(here: Installation, bodies: dict[str, tuple[str, bytes]]) -> None:
    hints = [
        NewHint(
            id=ident,
            type=kind,
            thin=False,
            created=here.now,
            api_version="2026-01-28.endive",
            received_at=here.now,
            state="waiting",
            body=body,
        )
        for ident, (kind, body) in bodies.items()
    ]
    with here.store.write() as tx:
        inbox.keep(tx, hints)


def marked(here: Installation) -> int:
    with here.store.read() as tx:
        counts = attention.counts(tx, here.now)
    return counts.due + counts.later


def waiting(here: Installation) -> int:
    with here.store.read() as tx:
        return len(inbox.waiting(tx, 1000))


def test_bodies_of_odd_shapes_are_settled_and_mark_nobody(
    installation: Installation, ours: str
) -> None:
    bodies = {
        f"evt_{kind}_{number}": (kind, body) for kind in TYPES for number, body in enumerate(ODD)
    }
    keep(installation, bodies)
    assert ours
    assert settle_due(installation, Nothing()) == len(bodies)
    assert (waiting(installation), marked(installation)) == (0, 0)


def test_customers_of_another_installation_are_foreign(
    installation: Installation, ours: str
) -> None:
    """They share the account there: their customers carry marks, and are none of ours."""
    told = {
        "data": {
            "object": {
                "object": "customer",
                "id": "cus_theirs",
                "metadata": {"tallygate_account": ours, "tallygate_installation": "ins_other"},
            }
        }
    }
    invoice = {"data": {"object": {"object": "invoice", "customer": "cus_theirs"}}}
    keep(
        installation,
        {
            "evt_1": ("customer.updated", json.dumps(told).encode()),
            "evt_2": ("invoice.paid", json.dumps(invoice).encode()),
        },
    )
    assert settle_due(installation, Nothing()) == 2
    assert marked(installation) == 0
    with installation.store.read() as tx:
        assert inbox.waiting(tx, 10) == ()


def test_a_type_that_nobody_knows_yet_is_a_hint_all_the_same(
    installation: Installation, ours: str
) -> None:
    told = {"data": {"object": {"object": "thing", "customer": {"id": "cus_ours"}}}}
    keep(installation, {"evt_1": ("a.type.of.tomorrow", json.dumps(told).encode())})
    assert ours
    settle_due(installation, SimpleNamespace(name="Stripe"))
    assert marked(installation) == 1


def test_a_reader_that_trusts_the_shape_is_found(
    installation: Installation, ours: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted defect."""
    assert ours
    monkeypatch.setattr(settle, "_read", lambda hint: json.loads(hint.body)["data"]["object"])
    keep(installation, {f"evt_{n}": (TYPES[0], body) for n, body in enumerate(ODD)})
    with pytest.raises((ValueError, TypeError, KeyError)):
        settle_due(installation, Nothing())
