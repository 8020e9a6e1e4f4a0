"""For how long does what costs something run, where nobody has said yet who pays at the provider?

A project may have a billing account of its own that is set up afterwards (row E4). Its resources
run from the first one on for a stated term; after it, those that are there go on, and no further
one that costs something is created until the plan is bought. What events tell is a fact, and is
never refused.
"""

from datetime import datetime

from tallygate.accounts.payers import payer_at
from tallygate.adapters.store import Transaction, accounts, mirrors, subscriptions
from tallygate.adapters.store.catalogs import latest_catalog
from tallygate.adapters.store.stretches import oldest_paid_by
from tallygate.adapters.store.subjects import Subject
from tallygate.core.errors import Conflict
from tallygate.core.period import instant_text
from tallygate.subscriptions.life import is_live
from tallygate.workflows.installation import Installation
from tallygate.workflows.subscribe import costs_nothing


def refuse_unpaid(
    tx: Transaction, installation: Installation, project: Subject, resource_type: str
) -> None:
    """Make sure that a project's payer has bought something, or is within the term to do it.

    Raises:
        Conflict: it has not, and is not (code `purchase_needed`).
    """
    now, settings = installation.now, installation.settings
    if not settings.collects or not _is_priced(tx, resource_type):
        return
    organization = accounts.get_organization(tx, project.organization)
    changes = accounts.payer_changes(tx, organization.id, project.id)
    payer = payer_at(changes, organization, now)
    if _has_bought(tx, payer, now):
        return
    oldest = oldest_paid_by(tx, payer, now)
    if oldest is None or now < oldest.created_at + settings.unpaid_for:
        return
    raise Conflict(
        f"The billing account {payer} has bought nothing yet, and its resources have run since "
        f"{instant_text(oldest.created_at)}, longer than the {settings.unpaid_for.days} days that "
        "they may: buy a plan through a checkout (POST /v1/checkouts), then create it.",
        param="project",
        code="purchase_needed",
    )


def _is_priced(tx: Transaction, resource_type: str) -> bool:
    found = latest_catalog(tx)
    known = None if found is None else found[1].resources.get(resource_type)
    return known is not None and known.price is not None


def _has_bought(tx: Transaction, billing_account: str, at: datetime) -> bool:
    """Whether somebody collects: the provider, or whoever bills a plan that costs something."""
    if mirrors.of_account(tx, billing_account):
        return True
    return any(
        is_live(one, at) and not costs_nothing(tx, one, at)
        for one in subscriptions.of_account(tx, billing_account)
    )
