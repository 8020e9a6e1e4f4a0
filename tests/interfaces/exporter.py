"""The IoT platform's exporter, as its guide shows it: what it sends, and what the meters give."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
from tests.interfaces.world import World

CATALOG = Path(__file__).parents[2] / "examples" / "iotistic" / "catalog.yaml"

GUIDE: dict[str, Any] = {
    "customer_id": "cust_abc123",
    "instance_id": "k8s-cluster-1",
    "active_devices": 3,
    "total_devices": 5,
    "metrics": {"devices": 3, "mqtt_messages": 15000, "storage_gb": 2.5, "api_requests": 50000},
}
"""The guide's example, word for word but for the dots in the customer's id."""


def send(world: World, body: dict[str, Any] | None = None, **headers: str) -> httpx2.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return world.platform("POST", "/api/usage/report", body or GUIDE, headers=named)


def used(world: World, customer: str = GUIDE["customer_id"]) -> dict[str, Any]:
    """What the meters give a moment later."""
    now = world.clock.now()
    world.clock.set(now + timedelta(seconds=1))
    told = world.platform.ok("GET", f"/api/usage/{customer}")["usage"]
    world.clock.set(now)
    return {one["meter"]: one["quantity"] for one in told}
