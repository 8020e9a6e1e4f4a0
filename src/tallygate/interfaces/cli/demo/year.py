"""What does a year of a platform at a local Stripe come to, and how is it shown?

The story `a_year` of an example is lived through at a sandbox process of its own, several of them
at once. What customers did and every invoice, ours beside Stripe's, become rows of a table.
"""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from tallygate.interfaces.cli import screen
from tallygate.interfaces.cli.demo.story import live_through, read_story
from tallygate.interfaces.cli.demo.telling import Outcome, instant

STORY = "a_year"
HEADINGS = ("date", "customer", "what happened", "ours", "Stripe's", "state")
AMOUNTS = (3, 4)
WHO = ("account", "organization", "project", "id")
DECLINED = "the card was declined"
REASONS = {
    "subscribe": "begins",
    "boundary": "renewal",
    "change": "plan change",
    "end": "last invoice",
    "adjustment": "adjustment",
}

Told = dict[str, Any]
Years = Mapping[str, "Future[Told]"]


def live_a_year(folder: Path, sandbox: str | None = None) -> Told:
    """Live through the year of an example; gives its title, its rows, and in what both differ.

    `sandbox` is the address of a local Stripe that nobody else uses; left out, it starts one.

    Raises:
        StoryBroken: it came out otherwise than the story states.
    """
    story = read_story(folder / "stories" / f"{STORY}.yaml")
    at = instant(story.steps[0]["at"])
    rows: list[Told] = []
    compared: Told = {}

    def tell(step: Mapping[str, Any], outcome: Outcome) -> None:
        nonlocal at
        at = instant(step["at"]) if "at" in step else at
        [verb] = [key for key in step if key not in {"at", "then"}]
        if isinstance(outcome, list):
            rows.extend(_invoice_row(one) for one in outcome)
        elif verb == "reconcile":
            compared.update(outcome)
        elif verb in _SAID and (what := _SAID[verb](step[verb], outcome)):
            who = next((step[verb][name] for name in WHO if name in step[verb]), "")
            state = outcome.get("status") or ""
            rows.append({"date": f"{at:%Y-%m-%d}", "customer": who, "what": what, "state": state})

    live_through(story, tell, sandbox)
    rows.sort(key=_place)
    return {"title": story.title, "rows": rows} | compared


@contextmanager
def living_years(folders: Mapping[str, Path]) -> Iterator[Years]:
    """Begin the years of several examples, as many at once as this machine has cores."""
    at_once = min(len(folders), os.cpu_count() or 1)
    with ProcessPoolExecutor(at_once, mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            yield {system: pool.submit(live_a_year, folder) for system, folder in folders.items()}
        finally:
            pool.shutdown(cancel_futures=True)  # whoever breaks off does not wait for the rest


def show_years(years: Years, *, quiet: bool) -> dict[str, Told]:
    """Show each year, once all of them are over; gives them.

    Raises:
        StoryBroken: one came out otherwise than its story states.
    """
    lived: dict[str, Told] = {}
    with screen.progress("Living through a year at a local Stripe", len(years)) as advance:
        for system, future in years.items():
            lived[system] = future.result()
            advance(len(lived))
    for system, year in lived.items():
        if not quiet:
            _show(system, year)
    return lived


def _show(system: str, year: Told) -> None:
    """A table of a year, without the invoices over nothing that an annual plan has each month."""
    invoices = [row for row in year["rows"] if "ours" in row]
    nothing = [row for row in invoices if not Decimal(row["total"])]
    shown = [
        [row.get(name, "") for name in ("date", "customer", "what", "ours", "stripes", "state")]
        for row in year["rows"]
        if row not in nothing
    ]
    screen.out(f"\n{system}: {year['title']}, at a local Stripe")
    screen.table(HEADINGS, shown, AMOUNTS)
    beside = f" ({len(nothing)} of them over 0.00, not shown)" if nothing else ""
    screen.out(
        f"Stripe and Tallygate differ by {year['differ']}: {len(invoices)} invoices{beside} "
        f"of {year['accounts']} customers."
    )


def _invoice_row(invoice: Mapping[str, Any]) -> Told:
    """An invoice: why it was made, what is on it, what we ask for, and what Stripe asks for."""
    parts = [f"{price} {amount}" for price, amount in invoice["lines"].items() if Decimal(amount)]
    if Decimal(invoice["discount"]):
        parts.append(f"discount -{invoice['discount']}")
    currency = invoice["currency"].upper()
    there = invoice["there"]
    return {
        "date": invoice["dated"],
        "customer": invoice["organization"],
        "what": f"{REASONS[invoice['reason']]}: {', '.join(parts) or 'nothing'}",
        "total": invoice["total"],
        "there": there,
        "currency": invoice["currency"],
        "ours": f"{invoice['total']} {currency}",
        "stripes": "" if there is None else f"{there} {currency}",
        "state": invoice["state"],
    }


def _place(row: Told) -> tuple[str, int]:
    """What was done on a day, its invoices, and what became of them."""
    return row["date"], 1 if "ours" in row else 2 if row["what"] == DECLINED else 0


def _bought(asked: Mapping[str, Any], outcome: Mapping[str, Any]) -> str:
    by = " by the year" if asked.get("interval") == "year" else ""
    declined = "; the first card was declined" if outcome["declined"] else ""
    return f"buys {asked['plan']}{by}{declined}"


def _bought_by_link(asked: Mapping[str, Any], outcome: Mapping[str, Any]) -> str:
    return f"{_bought(asked, outcome)}, through its payment link"


def _changed(asked: Mapping[str, Any], outcome: Mapping[str, Any]) -> str:
    return f"changes to {asked['plan']}, from {outcome['effective'][:10]} on"


def _ended(_asked: Mapping[str, Any], _outcome: Mapping[str, Any]) -> str:
    return "ends the subscription with its period"


def _failed(_asked: Mapping[str, Any], outcome: Mapping[str, Any]) -> str:
    return DECLINED if outcome["status"] == "past_due" else ""


def _resource(asked: Mapping[str, Any], _outcome: Mapping[str, Any]) -> str:
    if asked.get("deleted"):
        return f"{asked['id']} goes"
    return f"{asked['id']} comes: {asked['type']}"


def _paid_for(asked: Mapping[str, Any], _outcome: Mapping[str, Any]) -> str:
    return f"{asked.get('account', 'the organization')} pays for {asked['project']} from now on"


_SAID: dict[str, Callable[[Mapping[str, Any], Mapping[str, Any]], str]] = {
    "subscribe": lambda asked, _outcome: f"is on {asked['plan']}",
    "buy": _bought,
    "link": _bought_by_link,
    "change": _changed,
    "cancel": _ended,
    "portal_end": _ended,
    "resume": lambda _asked, _outcome: "stays after all",
    "status": _failed,
    "authenticate": lambda _asked, _outcome: "confirms the payment by 3-D Secure",
    "pay": lambda _asked, _outcome: "pays with another card",
    "payer": _paid_for,
    "resource": _resource,
    "member": lambda asked, _outcome: f"{asked['person']} comes",
    "leave": lambda asked, _outcome: f"{asked['person']} goes",
}
"""What a step is in a few words; empty where it is not worth a row."""
