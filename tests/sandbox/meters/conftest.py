"""A meter that sums, a customer, and words for the usual calls."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest
from stripe import StripeClient
from tests.sandbox.conftest import START

from tallygate_sandbox.testing import RunningSandbox

DAY = 24 * 3600
HOUR = 3600


@dataclass
class Metering:
    """One customer and its meters; `send` reports usage in version 1."""

    client: StripeClient
    sandbox: RunningSandbox
    customer: str
    numbers: Iterator[int] = field(default_factory=count)

    def meter(self, name: str, formula: str = "sum", window: str | None = None) -> str:
        params: Any = {
            "display_name": name,
            "event_name": name,
            "default_aggregation": {"formula": formula},
        }
        if window:
            params["event_time_window"] = window
        return self.client.v1.billing.meters.create(params).id

    def send(
        self, name: str, value: str, at: int | None = None, identifier: str | None = None
    ) -> str:
        params: Any = {
            "event_name": name,
            "payload": {"stripe_customer_id": self.customer, "value": value},
            "identifier": identifier or f"event-{next(self.numbers)}",
        }
        if at is not None:
            params["timestamp"] = at
        return self.client.v1.billing.meter_events.create(params).identifier

    def used(self, meter: str, start: int = START - 30 * DAY, end: int = START + DAY) -> float:
        asked: Any = {"customer": self.customer, "start_time": start, "end_time": end}
        rows = self.client.v1.billing.meters.event_summaries.list(meter, asked).data
        assert len(rows) == 1
        return rows[0].aggregated_value

    def settings(self, **settings: int) -> None:
        """What the control room sets."""
        world = self.sandbox.world
        with world.transaction():
            if world.find("_settings", "meters"):
                world.edit("_settings", "meters").update(settings)
            else:
                world.add({"id": "meters", "object": "_settings"} | settings)


@pytest.fixture
def metering(sandbox: RunningSandbox, client: StripeClient) -> Metering:
    return Metering(client, sandbox, client.v1.customers.create({"name": "Ada"}).id)
