"""How is everything underneath, in detail? The platform's to ask."""

from typing import Literal

from pydantic import Field
from starlette.requests import Request

from tallygate.adapters.store import catalogs
from tallygate.interfaces.api.callers import Here
from tallygate.interfaces.api.routes import READS, guarded_router
from tallygate.interfaces.api.wire import Instant, Shape
from tallygate.workflows.health import HealthState, provider_health, what_waits

router = guarded_router("/v1/health", "health")


class ProviderHealthShape(Shape):
    """What the payment provider answered last. It is asked at most every five minutes."""

    name: str
    state: HealthState
    said: str
    asked_at: Instant | None


class WaitingShape(Shape):
    """What waits to be settled, sent or decided; of a kind, at most a thousand are counted."""

    webhooks: int = Field(description="Were stored and are not settled yet.")
    oldest_webhook: Instant | None
    accounts: int = Field(description="Their dealings with the payment provider are due.")
    oldest_account: Instant | None
    totals: int = Field(description="Of usage, were not reported yet.")
    late: int = Field(description="Were to be done at the provider; unknown for an hour if done.")
    held: int = Field(description="Invoices that wait for an operator.")
    sender: Literal["open", "shut"]


class HealthDetailsShape(Shape):
    """Everything at a glance."""

    object: Literal["health"] = "health"
    now: Instant
    database: Literal["sqlite", "postgresql"]
    catalog_version: int | None
    provider: ProviderHealthShape | None
    waiting: WaitingShape


@router.get("", summary="See how everything is", openapi_extra={**READS, "x-platform": True})
def get_health(request: Request, here: Here) -> HealthDetailsShape:
    """What waits, and whether the payment provider answers and knows the key."""
    probe, now = request.app.state.probe, here.now
    provider = None
    if probe is not None:
        found = provider_health(here, probe)
        provider = ProviderHealthShape(
            name=found.name, state=found.state, said=found.said, asked_at=found.asked_at
        )
    with here.store.read() as tx:
        latest = catalogs.latest_text(tx)
        waiting = what_waits(tx, now)
    return HealthDetailsShape(
        now=now,
        database=here.store.dialect,
        catalog_version=None if latest is None else latest[0],
        provider=provider,
        waiting=WaitingShape(
            webhooks=waiting.hints,
            oldest_webhook=waiting.oldest_hint,
            accounts=waiting.accounts,
            oldest_account=waiting.oldest_account,
            totals=waiting.totals,
            late=waiting.late,
            held=waiting.held,
            sender="shut" if waiting.shut else "open",
        ),
    )
