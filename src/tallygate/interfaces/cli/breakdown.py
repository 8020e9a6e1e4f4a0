"""What does each project, resource, price and day cost?"""

from typing import TYPE_CHECKING, Annotated

import typer

from tallygate.interfaces.cli import screen

if TYPE_CHECKING:
    from tallygate.invoicing.breakdown import Dimension
    from tallygate.workflows.installation import Installation
    from tallygate.workflows.questions.breakdown import Asked, Breakdown, Row

HEADINGS = {"project": "Project", "resource": "Resource", "meter": "Price", "day": "Day"}


def breakdown(
    name: Annotated[
        str,
        typer.Argument(
            help="An invoice; or a billing account, organization or project: its open period.",
            show_default=False,
        ),
    ],
    by: Annotated[
        str,
        typer.Option(
            help="One of project, resource, meter, day; or two, with a comma between.",
        ),
    ] = "project",
    project: Annotated[str | None, typer.Option(help="This project's parts alone.")] = None,
    resource: Annotated[str | None, typer.Option(help="This resource's parts alone.")] = None,
    as_json: Annotated[bool, screen.AsJson] = False,
) -> None:
    """Show what each project, resource, price or day costs; the parts sum to the invoice."""
    from tallygate.app import open_installation
    from tallygate.config import load_config
    from tallygate.workflows.questions.breakdown import Asked, dimensions

    asked = Asked(dimensions(by), project, resource, costs=True)
    with open_installation(load_config()) as installation:
        told = _told(installation, name, asked)
    if as_json:
        from tallygate.interfaces.api.breakdowns import breakdown_shape

        screen.print_json(breakdown_shape(told).model_dump(mode="json"))
        return
    _show(told)


def _told(installation: "Installation", name: str, asked: "Asked") -> "Breakdown":
    from tallygate.workflows.questions import breakdown as broken_down

    if name.startswith("inv_"):
        return broken_down.of_invoice(installation, name, asked)
    if name.startswith("prj_"):
        return broken_down.of_project(installation, name, asked)
    return broken_down.of_open_period(installation, name, asked)


def _show(told: "Breakdown") -> None:
    from tallygate.core.quantity import plain
    from tallygate.interfaces.api.breakdowns import shown_exactly

    currency = told.invoice.currency
    has_costs = told.cost is not None
    headings = [*(HEADINGS[one] for one in told.by), "Amount", "Rounded by"]
    headings += ["Cost", "Margin"] if has_costs else []
    rows = []
    for row in told.rows:
        part = row.part
        cells = [_cell(one, row) for one in told.by]
        cells += [screen.money(part.amount, currency), plain(shown_exactly(part.rounding))]
        if has_costs:
            known = row.cost is not None
            cells.append(screen.money(row.cost or 0, currency) if known else "")
            cells.append(screen.money(part.amount - (row.cost or 0), currency) if known else "")
        rows.append(cells)
    whose = told.invoice.id or f"Preview of {told.invoice.billing_account}"
    screen.out(f"{whose}, usage of {told.invoice.period}")
    numbers = range(len(told.by), len(headings))
    screen.table(headings, rows, numbers=list(numbers))
    for note in told.notes:
        screen.out(note)
    screen.out(f"Total     {screen.money(told.amount, currency)} before tax")
    if told.cost is not None:
        margin = told.amount - told.cost
        share = f" ({100 * margin / told.amount:.1f} %)" if told.amount > 0 else ""
        screen.out(f"Cost      {screen.money(told.cost, currency)}")
        screen.out(f"Margin    {screen.money(margin, currency)}{share}")


def _cell(dimension: "Dimension", row: "Row") -> str:
    from tallygate.interfaces.api.breakdowns import day_of

    part, named = row.part, f" ({row.name})" if row.name else ""
    match dimension:
        case "project":
            return f"{part.project}{named if part.resource is None else ''}"
        case "resource":
            return f"{part.resource}{named}"
        case "meter":
            return f"{part.price}"
        case "day":
            return f"{day_of(part)}"
