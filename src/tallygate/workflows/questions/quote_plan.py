"""What would it cost an account to begin a plan, or to change to another one?

The same answer as for a resource: who pays, the prices of the plan, what is left of the present
allowances, the first charge and the monthly estimate. Nothing is stored, and who would collect it
is not asked.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from tallygate.accounts.model import BillingAccount
from tallygate.adapters.store import Transaction
from tallygate.adapters.store.trees import tree_of
from tallygate.catalog.model import Interval
from tallygate.core.period import instant_text
from tallygate.invoicing.assemble import first_invoice
from tallygate.invoicing.contract import Contract, Offer, plan_of
from tallygate.subscriptions.calendar import phase_at
from tallygate.subscriptions.change import When
from tallygate.subscriptions.life import begin
from tallygate.workflows.accounts import locate_account
from tallygate.workflows.change import foresee_change
from tallygate.workflows.installation import Installation
from tallygate.workflows.questions.estimate import (
    Around,
    Charge,
    Estimate,
    Payer,
    Supposition,
    charge_of,
    check_instant,
    contract_around,
    first_charge,
    first_month,
    read_around,
    trial_note,
)
from tallygate.workflows.questions.quote_prices import allowance_of, offers_at, priced
from tallygate.workflows.questions.quote_terms import contract_anew, live_of
from tallygate.workflows.subscribe import currency_of, plan_named


def quote_plan(
    installation: Installation,
    billing_account: str,
    plan: str,
    interval: Interval | None = None,
    *,
    tenant: str | None,
    when: When = "default",
    at: datetime | None = None,
    currency: str | None = None,
) -> Estimate:
    """What a plan of the latest price list costs an account: our id, or the platform's own.

    Where it has a subscription, this is the change to the plan, at once or at the period's end as
    the change itself would be; else the beginning of one, with the plan's trial.

    Raises:
        NotFound: the tenant has no such account.
        Invalid: there is no such plan, or it cannot be had in this currency or interval.
        Conflict: the account is on that plan already, or has another currency.
    """
    with installation.store.read() as tx:
        account = locate_account(tx, billing_account, tenant)
        around = read_around(tx, tree_of(tx, account.organization))
        asked_at = at or installation.this_second()
        check_instant(installation, asked_at)
        if live_of(tx, installation, account, asked_at) is None:
            return _beginning(
                tx,
                installation,
                account,
                plan,
                interval,
                at=asked_at,
                currency=currency,
                around=around,
            )
        return _change(
            tx,
            installation,
            account,
            plan,
            interval,
            when=when,
            at=at,
            currency=currency,
            around=around,
        )


def _beginning(
    tx: Transaction,
    installation: Installation,
    account: BillingAccount,
    plan: str,
    interval: Interval | None,
    *,
    at: datetime,
    currency: str | None,
    around: Around,
) -> Estimate:
    version, catalog = around.version, around.newest
    wanted = plan_named(catalog, plan)
    subscription = begin(
        id="",
        organization=account.organization,
        billing_account=account.id,
        currency=currency_of(catalog, account.currency, currency),
        plan=wanted,
        interval=interval or wanted.intervals[0],
        catalog_version=version,
        at=at,
        trial_days=0 if wanted.is_free else wanted.trial_days,
    )
    contract = contract_anew(tx, installation, subscription, around)
    invoice = first_invoice(contract, 0)
    supposed = Supposition(None, contract, at)
    charge = None if invoice is None else charge_of(invoice)
    return _told(account, supposed, charge or first_charge(installation, supposed), begins=True)


def _change(
    tx: Transaction,
    installation: Installation,
    account: BillingAccount,
    plan: str,
    interval: Interval | None,
    *,
    when: When,
    at: datetime | None,
    currency: str | None,
    around: Around,
) -> Estimate:
    asked_at = at or installation.this_second()
    subscription = live_of(tx, installation, account, asked_at)
    assert subscription is not None, "it was looked for"
    currency_of(around.newest, subscription.currency, currency)
    changed = foresee_change(tx, installation, subscription, plan, interval, when=when, at=at)
    before = contract_around(
        tx, installation, subscription, changed.at, around=around, until=changed.effective
    )
    after = replace(before, subscription=changed.subscription)
    anew = changed.subscription.anchor != subscription.anchor
    # A calendar that starts anew takes the place of one that cost nothing.
    supposed = Supposition(None if anew else before, after, changed.effective)
    charge = None if changed.invoice is None else charge_of(changed.invoice)
    told = _told(account, supposed, charge or first_charge(installation, supposed), begins=anew)
    left = (allowance_of(before, offer, changed.at) for offer in offers_at(before, changed.at))
    waits = () if changed.effective == changed.at else (_waits(changed.effective),)
    return replace(
        told,
        at=changed.at,
        allowances=tuple(one for one in left if one is not None),
        notes=(*waits, *trial_note(changed.subscription, changed.at)),
    )


def _told(
    account: BillingAccount, supposed: Supposition, charge: Charge | None, *, begins: bool
) -> Estimate:
    contract, at = supposed.after, supposed.at
    subscription, phase = contract.subscription, phase_at(contract.subscription, at)
    return Estimate(
        act="change_plan",
        at=at,
        organization=account.organization,
        payer=Payer(
            account,
            subscription.currency,
            "The account pays for its own plan.",
            subscription.id or None,
            phase.plan,
            begins,
        ),
        prices=tuple(
            priced(contract, offer, contract.currency) for offer in _of_plan(contract, at)
        ),
        allowances=(),
        first_charge=charge,
        monthly=first_month(supposed),
        notes=trial_note(subscription, at),
    )


def _of_plan(contract: Contract, at: datetime) -> Iterable[Offer]:
    phase = phase_at(contract.subscription, at)
    for price in plan_of(contract, phase).prices_for(phase.interval):
        yield Offer(price, phase.catalog_version, None)


def _waits(effective: datetime) -> str:
    return f"The change comes on {instant_text(effective)}, at the end of the base's period."
