"""Which services used what an account is billed for?

A service is what the events of a resource's life name in the field `service`: its resources add
up. What names none is a service alone, by the platform's own id, or ours. Services have shares of
the account's cost, in proportion to what they used.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from tallygate.adapters.store import accounts, resources
from tallygate.adapters.store.subjects import external_ids
from tallygate.adapters.store.usage_log import StoreLog
from tallygate.core.errors import NotFound
from tallygate.core.period import Period
from tallygate.core.quantity import round_to
from tallygate.metering.measure import Exact, measure_by_subject
from tallygate.subscriptions.calendar import whole_period
from tallygate.workflows.accounts import locate_account
from tallygate.workflows.customers import find_customer
from tallygate.workflows.installation import Installation
from tallygate.workflows.questions.account_usage import (
    AccountQuestion,
    AccountUsage,
    MetricUsage,
    Terms,
    total,
)

SHOWN = Decimal("0.000001")
HAVE_SERVICES = frozenset(("project", "resource"))


class ServiceUsage(NamedTuple):
    """What one service used; a metric without usage is left out."""

    service: str
    metrics: tuple[MetricUsage, ...]

    @property
    def cost(self) -> Decimal:
        """What all of it costs."""
        return total(one.cost for one in self.metrics)


def current_usage(
    installation: Installation, account: str, *, tenant: str | None = None
) -> tuple[AccountUsage, tuple[ServiceUsage, ...]]:
    """What an account used so far in the period that is billed next, and what each service did.

    `account` is our id, or the platform's own, of a billing account or an organization. The most
    expensive service comes first.

    Raises:
        NotFound: the tenant has no such account.
        Conflict: no price list was applied yet.
    """
    with installation.store.read() as tx:
        asked = AccountQuestion(tx, locate_account(tx, account, tenant), installation.now)
        terms = asked.current()
        whole = asked.usage(terms)
        parts = _by_subject(asked, terms, whole)
        named = _services(asked, terms.window)
    found = [_service(whole, parts, name, subjects) for name, subjects in named.items()]
    used = [service for service in found if service.metrics]
    return whole, tuple(sorted(used, key=lambda one: (-one.cost, one.service)))


def service_usage(
    installation: Installation, service: str, *, account: str | None, tenant: str | None = None
) -> tuple[AccountUsage, ServiceUsage]:
    """What a service used so far in its payer's current period, beside what the payer did.

    A service may be named as its events do, where the account is told, or by our id, or the
    platform's own, of a project or resource.

    Raises:
        NotFound: the tenant has no such account or service.
        Conflict: no price list was applied yet.
    """
    now = installation.now
    with installation.store.read() as tx:
        if account is not None:
            asked = AccountQuestion(tx, locate_account(tx, account, tenant), now)
            subjects = _services(asked, asked.current().window).get(service)
            if subjects is not None:
                return _told(asked, service, subjects)
            tenant = asked.account.organization
        try:
            customer = find_customer(tx, service, tenant, now)
        except NotFound:
            raise _no_service(service) from None
        if customer.subject.kind not in HAVE_SERVICES:
            raise _no_service(service)
        payer = accounts.get_billing_account(tx, customer.payer)
        return _told(AccountQuestion(tx, payer, now), service, customer.subjects)


def _told(
    asked: AccountQuestion, service: str, subjects: Iterable[str]
) -> tuple[AccountUsage, ServiceUsage]:
    terms = asked.current()
    whole = asked.usage(terms)
    return whole, _service(whole, _by_subject(asked, terms, whole), service, subjects)


def _services(asked: AccountQuestion, window: Period) -> dict[str, tuple[str, ...]]:
    """What the account pays for in a window, by service."""
    subjects = dict.fromkeys(stretch.subject for stretch in asked.paid(window))
    named: dict[str, str] = {}
    for state in resources.states_of(asked.tx, subjects, window):
        service = state.fields.get("service")
        if isinstance(service, str) and service:
            named[state.resource] = service
    own = external_ids(asked.tx, asked.account.organization)
    found: dict[str, tuple[str, ...]] = {}
    for subject in subjects:
        name = named.get(subject) or own.get(subject, subject)
        found[name] = (*found.get(name, ()), subject)
    return found


def _by_subject(
    asked: AccountQuestion, terms: Terms, whole: AccountUsage
) -> list[Mapping[str, Exact]]:
    """What each subject has of each metric, exactly."""
    window = terms.window
    period = whole_period(terms.subscription, window.start)
    return [
        measure_by_subject(
            one.meter,
            asked.paid(window),
            asked.so_far(window),
            StoreLog(asked.tx),
            whole=period,
        )
        for one in whole.metrics
    ]


def _service(
    whole: AccountUsage,
    parts: Iterable[Mapping[str, Exact]],
    name: str,
    subjects: Iterable[str],
) -> ServiceUsage:
    mine = tuple(subjects)
    found = []
    for one, by_subject in zip(whole.metrics, parts, strict=True):
        used = Fraction(sum(by_subject.get(subject, 0) for subject in mine))
        everybody = Fraction(sum(by_subject.values()))
        if used:
            share = used / everybody if everybody > 0 else Fraction(0)
            cost = round_to(Fraction(one.cost) * share, SHOWN, "half_up")
            found.append(MetricUsage(one.meter, round_to(used, SHOWN, "half_up"), cost))
    return ServiceUsage(name, tuple(found))


def _no_service(name: str) -> NotFound:
    return NotFound(f"There is no service {name[:128]!r}.", param="serviceId")
