"""Two organizations, and a project that is the first one's and may go to the other."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tallygate.invoicing.model import Invoice
from tallygate.workflows.accounts import create_project
from tallygate.workflows.ingest import Incoming, Verdicts, ingest
from tallygate.workflows.operate import create_resource
from tallygate.workflows.project_moves import move_project
from tallygate.workflows.subscribe import subscribe

SHOP = """\
name: shop
currency: usd
meters:
  calls: {event: api.call, aggregation: count}
  peak: {event: gb.report, value: gb, aggregation: max}
  hours: {event: resource, value: running, aggregation: time_weighted}
plans:
  pro:
    name: Pro
    prices:
      - {key: calls, meter: calls, included: 5, per_unit: "1.00"}
      - {key: peak, meter: peak, per_unit: "31.00"}
      - {key: hours, meter: hours, per_unit: "0.10"}
  other:
    name: Other
    prices: [{key: calls, meter: calls, included: 5, per_unit: "1.00"}]
prices:
  - {key: vm, per_unit: "31.00", every: month}
resources:
  vm: {price: vm, spec: {vcpu: 4}}
  free: {}
"""


def at(day: int, hour: int = 0, month: int = 1) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


class Two:
    """Two organizations on the same plan; the project web is acme's until it moves to zeta."""

    def __init__(self, platform: Any) -> None:
        platform.publish(SHOP)
        self.platform, self.installation = platform, platform.installation
        self.clock = platform.clock
        self.acme, self.zeta = platform.tenant("acme"), platform.tenant("zeta")
        for organization in (self.acme, self.zeta):
            subscribe(self.installation, organization.billing_account, "pro")
        self.web = self.project("web")
        self.number = 0

    def project(self, name: str) -> Any:
        return create_project(self.installation, self.acme.id, name, tenant=None, external_id=name)

    def vm(self, name: str, when: datetime | None = None, **more: Any) -> Any:
        return create_resource(
            self.installation, "web", "vm", tenant=None, external_id=name, at=when, **more
        )

    def move(self, when: datetime | None = None, **more: Any) -> Any:
        return move_project(self.installation, self.web.id, self.zeta.id, at=when, **more)

    def send(
        self,
        subject: str,
        when: datetime | None,
        kind: str = "api.call",
        tenant: str | None = None,
        id: str | None = None,  # noqa: A002  # CloudEvents' own word
        **data: int | str,
    ) -> Verdicts:
        self.number += 1
        fields = {k: Decimal(v) if isinstance(v, int) else v for k, v in data.items()}
        event = Incoming(id or f"e{self.number}", "test", kind, subject, when, fields)
        return ingest(self.installation, [event], tenant)

    def close(self, when: datetime) -> Mapping[str, Invoice]:
        made = self.platform.close(when)
        return {invoice.organization: invoice for invoice in made}

    def owed(self, invoice: Invoice) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for line in invoice.lines:
            found.setdefault(line.price, []).append(line.net)
        return found
