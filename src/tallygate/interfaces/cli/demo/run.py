"""What happens in the demo, from beginning to end?

First this machine is metered for a few seconds, as a customer of Magic Box, into a database file
of its own. Then each platform lives through a month of sample logs, in memory, and through a year
at a local Stripe, which began meanwhile in processes of its own. Then the worked examples of the
documents are computed twice: by `quote`, and from events. At the end the API of the first part is
left running, if wished.
"""

import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tallygate.app import open_installation
from tallygate.catalog import read_catalog
from tallygate.config import load_config
from tallygate.core.money import Money
from tallygate.interfaces.api.event_wire import decode
from tallygate.interfaces.cli import screen
from tallygate.interfaces.cli.demo.machine import watch
from tallygate.interfaces.cli.demo.show import invoice_json, show_invoice, show_worked
from tallygate.interfaces.cli.demo.story import live_through, read_story
from tallygate.interfaces.cli.demo.year import living_years, show_years
from tallygate.interfaces.cli.serve import run_server
from tallygate.invoicing.model import Invoice
from tallygate.workflows import accounts, keys, publish
from tallygate.workflows.ingest import write_group
from tallygate.workflows.installation import Installation
from tallygate.workflows.questions.preview import preview
from tallygate.workflows.questions.quote import quote
from tallygate.workflows.subscribe import subscribe

if TYPE_CHECKING:
    from tallygate.config import Config

LOOKS_PER_SECOND = 2
CUSTOMER = "this-machine"

_BESIDE = Path(__file__).parents[5] / "examples"
_WITHIN = Path(__file__).parents[3] / "examples"
EXAMPLES = _WITHIN if _WITHIN.is_dir() else _BESIDE
"""Within the package in an installed wheel, beside `src` in a checkout."""


class Worked(NamedTuple):
    """A worked example: what is asked of `quote`, and the story and customer that live it."""

    example: str
    plan: str
    usage: dict[str, Decimal]
    story: str
    price: str


WORKED = (
    Worked(
        "Starter, 8 devices", "starter", {"devices": Decimal(8)}, "eight_devices", "device_usage"
    ),
    Worked(
        "Professional, 25 devices, 1.5M messages",
        "professional",
        {"devices": Decimal(25), "messages": Decimal(1_500_000)},
        "professional",
        "device_usage_professional",
    ),
    Worked(
        "23 devices by packages of ten",
        "starter_package",
        {"devices": Decimal(23)},
        "other_curves",
        "device_usage_package",
    ),
)


def run(
    systems: Sequence[str], *, as_json: bool, serve: bool, seconds: int, port: int | None
) -> None:
    """Run the demo; with `as_json`, print one document and nothing else on stdout."""
    told: dict[str, Any] = {}
    with (
        tempfile.TemporaryDirectory(prefix="tallygate-demo-") as folder,
        _live(Path(folder), port) as (config, installation),
    ):
        with living_years({system: EXAMPLES / system for system in systems}) as years:
            if "magic_box" in systems:
                told["machine"] = _bill_this_machine(installation, seconds, quiet=as_json)
            told["systems"] = {system: _bill_a_month(system, quiet=as_json) for system in systems}
            told["years"] = show_years(years, quiet=as_json)
        if "iotistic" in systems:
            told["worked_examples"] = _work_the_examples(quiet=as_json)
        if as_json:
            screen.out(json.dumps(told, indent=2))
        if serve:
            _leave_running(config, installation)


@contextmanager
def _live(folder: Path, port: int | None) -> Iterator[tuple["Config", Installation]]:
    """A real installation, in a file that goes with the demo."""
    chosen = {} if port is None else {"port": port}
    config = load_config(database_url=f"sqlite:///{folder}/demo.db", **chosen)
    with open_installation(config, create=True) as installation:
        catalog = EXAMPLES / "magic_box" / "catalog.yaml"
        publish.apply(installation, catalog.read_text("utf-8"), catalog.name)
        yield config, installation


def _bill_this_machine(installation: Installation, seconds: int, *, quiet: bool) -> dict[str, Any]:
    """Meter this machine for so many seconds; gives what it owes by now."""
    customer = accounts.create_organization(installation, "This machine", external_id=CUSTOMER)
    subscription, _ = subscribe(installation, customer.billing_account, "by_the_second")
    looks = seconds * LOOKS_PER_SECOND
    taken = 0
    with screen.progress(f"Metering this machine for {seconds} s", looks) as advance:
        moments = watch(
            installation.clock, CUSTOMER, looks, lambda: time.sleep(1 / LOOKS_PER_SECOND)
        )
        for done, events in enumerate(moments, 1):
            taken += _send(installation, events)
            advance(done)
    invoice = preview(installation, subscription.id)
    if not quiet:
        screen.out(
            f"Metered this machine for {seconds} s: {taken} events from the operating system."
        )
        show_invoice("Magic Box: this machine, so far", invoice)
    return {"events": taken, "invoice": invoice_json(invoice)}


def _send(installation: Installation, events: Sequence[Any]) -> int:
    body = json.dumps(events).encode()
    batch = decode(body, "application/cloudevents-batch+json", None, len(events))
    [verdicts] = write_group(installation, [batch])
    assert not verdicts.rejected, verdicts.rejected
    return verdicts.accepted


def _bill_a_month(system: str, *, quiet: bool) -> dict[str, Any]:
    """Live through a month of a platform's sample logs; gives the invoice that closes it."""
    story = read_story(EXAMPLES / system / "stories" / "sample_month.yaml")
    telling = live_through(story)
    invoice = telling.invoices[-1]
    if not quiet:
        files = ", ".join(step["import"]["file"] for step in story.steps if "import" in step)
        screen.out(f"{system}: {telling.events} events out of {files}")
        show_invoice(f"{system}: {story.title}", invoice)
    return {"events": telling.events, "invoice": invoice_json(invoice)}


def _work_the_examples(*, quiet: bool) -> list[dict[str, Any]]:
    """The documents' own examples, by quote and from events; they must agree."""
    folder = EXAMPLES / "iotistic"
    catalog = read_catalog((folder / "catalog.yaml").read_text("utf-8"))
    rows = []
    for worked in WORKED:
        asked = quote(catalog, worked.plan, usage=worked.usage)
        billed = _billed_with(
            live_through(read_story(folder / "stories" / f"{worked.story}.yaml")).invoices, worked
        )
        rows.append(
            {
                "example": worked.example,
                "quote": asked.total,
                "events": billed.total,
                "quote_text": str(Money(asked.total, asked.currency)),
                "events_text": str(Money(billed.total, billed.currency)),
            }
        )
    if not quiet:
        show_worked(rows)
    return rows


def _billed_with(invoices: Sequence[Invoice], worked: Worked) -> Invoice:
    """The first invoice that charges for the example's price."""
    return next(
        invoice
        for invoice in invoices
        if any(line.price == worked.price and line.amount > 0 for line in invoice.lines)
    )


def _leave_running(config: "Config", installation: Installation) -> None:
    """Serve the installation that metered this machine, with a key to look around."""
    key = keys.create_key(installation, organization=None, scopes=("ingest", "read", "write"))
    screen.note(f"A key for this demo, gone with it: {key.text}")
    screen.note('Send it as "Authorization: Bearer ...", for instance to /v1/organizations.')
    run_server(config, installation)
