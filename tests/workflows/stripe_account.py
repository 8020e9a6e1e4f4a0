"""An account at a local Stripe, with one installation publishing to it.

Each answer that the SDK receives is held to the SDK's own types.
"""

from collections.abc import Mapping
from typing import Any

from stripe import HTTPClient
from tests.sandbox.conftest import StrictClient

from tallygate.adapters.stripe import StripeCatalog, open_client
from tallygate.catalog.model import Catalog
from tallygate.workflows.installation import Installation
from tallygate.workflows.mirror.price_list import Mirroring, carry_out, foresee
from tallygate.workflows.publish import check
from tallygate_sandbox.testing import RunningSandbox

START = 1_767_225_600  # 2026-01-01T00:00:00Z, as on the installation's clock
TEXT = """\
name: shop
currency: [usd, eur]
meters:
  calls: {event: api.call, aggregation: count}
plans:
  pro:
    name: Pro
    product: prod_pro
    prices:
      - {key: base, flat: {usd: "29.00", eur: "27.00"}, every: month}
      - {key: calls, meter: calls, included: 100, per_unit: {usd: "0.05", eur: "0.04"}}
coupons:
  EARLY: {percent_off: "12.5", duration: {months: 3}, max_redemptions: 10}
"""
DEARER = TEXT.replace("29.00", "31.00")


class Account:
    """An account at the sandbox, with one installation publishing to it."""

    def __init__(
        self,
        installation: Installation,
        sandbox: RunningSandbox,
        http_client: HTTPClient | None = None,
    ) -> None:
        self.installation = installation
        self.sandbox = sandbox
        sends = http_client or StrictClient()
        self.client = open_client("sk_test_1", sandbox.url, http_client=sends, retries=0)
        self.provider = StripeCatalog(self.client, "Stripe")

    def foresee(self, text: str) -> Mirroring:
        return foresee(self.installation, self.provider, self.read(text))

    def publish(self, text: str) -> list[str]:
        """Publish, and tell what was done."""
        told: list[str] = []
        catalog, planned = self.read(text), self.foresee(text)
        carry_out(
            self.installation, self.provider, catalog, planned, lambda one: told.append(one.kind)
        )
        return told

    def fail(self, kind: str, path: str = "/v1/", **more: Any) -> None:
        """Let the next request that changes something go wrong."""
        self.sandbox.control("faults", {"kind": kind, "method": "POST", "path": path, **more})

    def objects(self) -> dict[str, int]:
        """How many of everything there are."""
        v1, all_ = self.client.v1, {"limit": 100}
        lists: Mapping[str, Any] = {
            "products": v1.products,
            "meters": v1.billing.meters,
            "prices": v1.prices,
            "coupons": v1.coupons,
            "codes": v1.promotion_codes,
            "links": v1.payment_links,
            "portals": v1.billing_portal.configurations,
        }
        found = {name: len(service.list(all_).data) for name, service in lists.items()}
        found["portals"] -= 1  # the account's own
        return {name: count for name, count in found.items() if count}

    @staticmethod
    def read(text: str) -> Catalog:
        return check(text)[0]
