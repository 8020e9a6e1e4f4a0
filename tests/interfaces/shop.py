"""A shop whose customers pay at a local Stripe, spoken to through the API."""

from types import SimpleNamespace
from typing import Any

import httpx2
from tests.interfaces.world import Api, Tenant
from tests.workflows.trade import Trade

from tallygate.workflows import accounts, keys
from tallygate.workflows.installation import Installation, Settings
from tallygate_sandbox.testing import RunningSandbox

PLATFORM_KEY = "operator-of-the-shop"
SETTINGS = Settings(
    success_url="https://shop.test/thanks",
    cancel_url="https://shop.test/plans",
    portal_return_url="https://shop.test/account",
    collects=True,
    start_free=True,
)
CATALOG = """\
name: shop
currency: usd
meters:
  calls: {event: api.call, value: calls, aggregation: sum, unit: call}
plans:
  free: {name: Free}
  small:
    name: Small
    prices:
      - {key: small_monthly, flat: "29.00", every: month}
      - {key: small_annual, flat: "290.00", every: year}
      - {key: calls, meter: calls, included: 100, per_unit: "0.10"}
  large:
    name: Large
    prices:
      - {key: large_monthly, flat: "99.00", every: month}
      - {key: calls, meter: calls, included: 1000, per_unit: "0.10"}
"""


class Shop:
    """The shop, with the platform's key and two customers."""

    def __init__(
        self,
        installation: Installation,
        sandbox: RunningSandbox,
        client: httpx2.Client,
        trade: Trade,
    ) -> None:
        self.installation, self.sandbox, self.client = installation, sandbox, client
        self.trade = trade
        self.platform = Api(client, PLATFORM_KEY)
        self.acme, self.rival = self._tenant("acme"), self._tenant("rival")

    def as_(self, tenant: Tenant, scope: str = "write") -> Api:
        return Api(self.client, tenant.keys[scope])

    def bought(self, tenant: Tenant, plan: str = "small", **more: Any) -> dict[str, Any]:
        """A purchase by checkout, paid for, as it is once the worker has seen it."""
        api = self.as_(tenant)
        wish = {"billing_account": tenant.billing_account, "plan": plan, **more}
        purchase = api.ok("POST", "/v1/checkouts", wish)
        self.pay(purchase["provider_session"])
        bought: dict[str, Any] = api.ok("GET", f"/v1/purchases/{purchase['id']}")
        return bought

    def pay(self, session: str) -> None:
        self.trade.complete(SimpleNamespace(session=session))  # type: ignore[arg-type]  # all that it reads
        self.trade.work()

    def audited(self, tenant: Tenant | None = None) -> list[dict[str, Any]]:
        api = self.platform if tenant is None else self.as_(tenant)
        found: list[dict[str, Any]] = api.ok("GET", "/v1/audit_log?limit=100")["data"]
        return found

    def _tenant(self, name: str) -> Tenant:
        made = accounts.create_organization(self.installation, name.title(), external_id=name)
        tenant = Tenant(made.id, made.billing_account)
        for scope in ("read", "write"):
            made_key = keys.create_key(self.installation, organization=made.id, scopes=[scope])
            tenant.keys[scope] = made_key.text
        return tenant
