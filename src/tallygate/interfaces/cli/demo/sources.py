"""How do the five platforms' own logs become events?

Each reader takes a file in the format that the platform's source writes and gives CloudEvents,
with an identity that is the same whenever the file is read: a line's own id where it has one,
else a hash of the line. What carries no usage (failed calls, lines without tokens) gives nothing.

| reader | reads |
|---|---|
| kraliki_provisioning | the provisioning script's JSON answers, a line per action |
| kraliki_access | the LLM proxy's access log, JSON lines, tokens by path |
| magic_box_samples | the usage tracker's samples as CSV, every five minutes, UTC without a zone |
| magic_box_api | the usage tracker's API calls as CSV; cost is derived from model and tokens |
| helvetia_docker | Docker's event stream, JSON lines, with the platform's labels |
| helvetia_network | each container's network counters, which begin at its start, JSON lines |
| helvetia_volumes | each volume's size, JSON lines |
| iotistic_reports | the exporter's posts, JSON lines, in both of their shapes |
| ktrlplane_resources | the resources table as CSV |
"""

import csv
import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from tallygate.core.period import from_micros, instant_text
from tallygate.core.quantity import plain

CloudEvent = dict[str, Any]
Reader = Callable[[Path], Iterator[CloudEvent]]

BUCKET = timedelta(minutes=5)

USD_PER_MILLION_TOKENS = {
    "claude-3-5-sonnet": (Decimal(3), Decimal(15)),
    "claude-3-opus": (Decimal(15), Decimal(75)),
    "gpt-4": (Decimal(30), Decimal(60)),
    "gpt-4-turbo": (Decimal(10), Decimal(30)),
    "gemini-1.5-pro": (Decimal("1.25"), Decimal(5)),
    "gemini-1.5-flash": (Decimal("0.075"), Decimal("0.3")),
}
"""Magic Box's list: USD per million tokens in and out."""

TOKEN_FIELDS = {
    "/v1/messages": ("input_tokens", "output_tokens"),
    "/v1/chat/completions": ("prompt_tokens", "completion_tokens"),
    "/v1beta/models": ("promptTokenCount", "candidatesTokenCount"),
}

RESOURCE_ACTIONS = {
    "create": "resource.created",
    "resize": "resource.resized",
    "poweron": "resource.started",
    "poweroff": "resource.stopped",
    "delete": "resource.deleted",
}

CONTAINER_ACTIONS = {
    "create": "resource.created",
    "start": "resource.started",
    "die": "resource.stopped",
    "destroy": "resource.deleted",
}


def kraliki_provisioning(path: Path) -> Iterator[CloudEvent]:
    """A VM's life from the provisioning log. The customer is the project."""
    for line, row in _json_lines(path):
        if row.get("status") != "success":
            continue
        fields: dict[str, Any] = {}
        if row["action"] == "create":
            fields = {"project": row["customer"], "type": f"vm.{row['size']}"}
        elif row["action"] == "resize":
            fields = {"type": f"vm.{row['size']}"}
        yield _event(
            "provisioning",
            _line_id(line),
            RESOURCE_ACTIONS[row["action"]],
            row["vm_name"],
            row["timestamp"],
            fields,
        )


def kraliki_access(path: Path) -> Iterator[CloudEvent]:
    """Tokens of each answered LLM call."""
    for line, row in _json_lines(path):
        names = TOKEN_FIELDS.get(row.get("path", ""))
        if names is None or names[0] not in row:
            continue
        fields = {
            "model": row["model"],
            "input_tokens": row[names[0]],
            "output_tokens": row.get(names[1], 0),
        }
        at = row.get("timestamp") or row["time"]
        yield _event("cliproxy", _line_id(line), "llm.request", row["client"], at, fields)


def magic_box_samples(path: Path) -> Iterator[CloudEvent]:
    """When the VM ran: a sample says that it was on for the five minutes of its bucket.

    Two samplers write the same table, one every 300 seconds and one every hour, so buckets count
    and not samples. Buckets in a row are one run; a run is a start and a stop, whose hours the
    meter integrates: twelve buckets are one hour, exactly.
    """
    buckets: dict[str, set[datetime]] = {}
    for row in _csv_rows(path):
        at = _utc(row["timestamp"])
        bucket = at - (at - datetime.min.replace(tzinfo=UTC)) % BUCKET
        buckets.setdefault(row["customer_id"], set()).add(bucket)
    for customer, seen in buckets.items():
        vm = f"vm-{customer}"
        begun = False
        for bucket in sorted(seen):
            if bucket - BUCKET not in seen:
                kind = "resource.started" if begun else "resource.created"
                fields = {} if begun else {"project": customer, "type": "vm"}
                yield _event(
                    "usage-tracker",
                    f"{vm}-on-{bucket:%Y%m%dT%H%M}",
                    kind,
                    vm,
                    instant_text(bucket),
                    fields,
                )
                begun = True
            if (end := bucket + BUCKET) not in seen:
                yield _event(
                    "usage-tracker",
                    f"{vm}-off-{end:%Y%m%dT%H%M}",
                    "resource.stopped",
                    vm,
                    instant_text(end),
                    {},
                )


def magic_box_api(path: Path) -> Iterator[CloudEvent]:
    """The cost of each API call in cents, from the model's own price.

    The tracker's `estimated_cost` is left alone: it knows one model per provider and prices every
    Claude call as the cheapest.
    """
    for row in _csv_rows(path):
        price_in, price_out = USD_PER_MILLION_TOKENS[row["model"]]
        tokens_in, tokens_out = int(row["input_tokens"]), int(row["output_tokens"])
        cents = (tokens_in * price_in + tokens_out * price_out).scaleb(-4)
        yield _event(
            "usage-tracker",
            f"api-{row['id']}",
            "api.call",
            row["customer_id"],
            instant_text(_utc(row["timestamp"])),
            {"model": row["model"], "cost_cents": plain(cents)},
        )


def helvetia_docker(path: Path) -> Iterator[CloudEvent]:
    """A container's life. A redeploy is a new container of the same service."""
    for _, row in _json_lines(path):
        action = CONTAINER_ACTIONS.get(row.get("Action", ""))
        if action is None or row.get("Type") != "container":
            continue
        labels = row["Actor"]["Attributes"]
        container = row["Actor"]["ID"][:12]
        fields: dict[str, Any] = {}
        if action == "resource.created":
            fields = {
                "project": labels["helvetia.projectName"],
                "type": "container",
                "running": False,
                "service": labels["helvetia.serviceId"],
                "memory_gb": plain(Decimal(labels["memoryMb"]) / 1024),
                "cpu_cores": labels["cpuCores"],
            }
        at = instant_text(from_micros(row["timeNano"] // 1000))
        yield _event("docker", f"{container}-{row['timeNano']}", action, container, at, fields)


def helvetia_network(path: Path) -> Iterator[CloudEvent]:
    """Bytes moved since the container's last reading; the first one counts from its start."""
    before: dict[str, int] = {}
    for line, row in _json_lines(path):
        total = sum(card["rx_bytes"] + card["tx_bytes"] for card in row["networks"].values())
        moved = max(0, total - before.get(row["container"], 0))
        before[row["container"]] = total
        subject = row["container"][:12]
        yield _event(
            "docker-stats",
            _line_id(line),
            "container.network",
            subject,
            row["time"],
            {"bytes": moved},
        )


def helvetia_volumes(path: Path) -> Iterator[CloudEvent]:
    """A volume's size, a gauge. The project is the subject."""
    for line, row in _json_lines(path):
        fields = {"volume": row["volume"], "size_gb": row["size_gb"]}
        yield _event("volumes", _line_id(line), "volume.size", row["project"], row["time"], fields)


def iotistic_reports(path: Path) -> Iterator[CloudEvent]:
    """The exporter's two posts per cycle: gauges and counts, and the machine's own figures."""
    for line, row in _json_lines(path):
        customer = row.get("customerId") or row["customer_id"]
        identity = row.get("report_id") or _line_id(line)
        instance, at = row["instance_id"], row["timestamp"]
        metrics = row.get("metrics")
        if metrics is None:
            figures = {k: v for k, v in row.items() if k not in {"customer_id", "timestamp"}}
            yield _event("exporter", identity, "instance.report", customer, at, figures)
            continue
        for kind, field in (
            ("device.report", "devices"),
            ("mqtt.report", "mqtt_messages"),
            ("storage.report", "storage_gb"),
        ):
            fields = {"instance_id": instance, field: metrics[field]}
            yield _event("exporter", f"{identity}-{field}", kind, customer, at, fields)


def ktrlplane_resources(path: Path) -> Iterator[CloudEvent]:
    """Each row's creation, and its deletion where it has one."""
    for row in _csv_rows(path):
        name = row["resource_id"]
        fields = {"project": row["project_id"], "type": f"{row['type']}.{row['sku']}"}
        yield _event(
            "ktrlplane", f"{name}-created", "resource.created", name, row["created_at"], fields
        )
        if row["deleted_at"]:
            yield _event(
                "ktrlplane", f"{name}-deleted", "resource.deleted", name, row["deleted_at"], {}
            )


READERS: dict[str, Reader] = {
    reader.__name__: reader
    for reader in (
        kraliki_provisioning,
        kraliki_access,
        magic_box_samples,
        magic_box_api,
        helvetia_docker,
        helvetia_network,
        helvetia_volumes,
        iotistic_reports,
        ktrlplane_resources,
    )
}


def _json_lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.strip():
                yield line.strip(), json.loads(line, parse_float=Decimal)


def _csv_rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as rows:
        yield from csv.DictReader(rows)


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _line_id(line: str) -> str:
    return hashlib.sha256(line.encode()).hexdigest()[:32]


def _event(  # the envelope's six fields, in the order of the specification
    source: str, identity: str, kind: str, subject: str, at: str, fields: dict[str, Any]
) -> CloudEvent:
    return {
        "specversion": "1.0",
        "source": source,
        "id": identity,
        "type": kind,
        "subject": subject,
        "time": at,
        "data": {k: str(v) if isinstance(v, Decimal) else v for k, v in fields.items()},
    }
