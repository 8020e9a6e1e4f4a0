"""What would it cost here? A price before buying, on the live installation."""

from typing import TYPE_CHECKING, Annotated

import typer

from tallygate.interfaces.cli import screen

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tallygate.workflows.questions.estimate import Difference, Estimate

HELP = "Price what somebody may do before it is done; nothing is stored."

TRUTHS = {"true": True, "false": False}

At = Annotated[str | None, typer.Option(help="When, like 2026-11-21T09:00:00Z; default: now.")]
Currency = Annotated[str | None, typer.Option(help="Where the account that pays has none yet.")]
FieldsGiven = Annotated[
    list[str] | None,
    typer.Option("--field", help="NAME=VALUE, in place of the type's; repeat it for more."),
]


def create(
    type_: Annotated[str, typer.Argument(metavar="TYPE", help="A resource type.")],
    project: Annotated[
        str, typer.Option(help="The project, by id or external id.", show_default=False)
    ],
    count: Annotated[int, typer.Option(help="How many.")] = 1,
    field: FieldsGiven = None,
    at: At = None,
    currency: Currency = None,
    as_json: Annotated[bool, screen.AsJson] = False,
) -> None:
    """Price new resources of a type in a project."""
    from tallygate.app import open_installation
    from tallygate.config import load_config
    from tallygate.workflows.questions.quote_resource import quote_creation

    with open_installation(load_config()) as installation:
        found = quote_creation(
            installation,
            project,
            type_,
            tenant=None,
            count=count,
            fields=_fields(field or []),
            at=_instant(at),
            currency=currency,
        )
    _show(found, as_json=as_json)


def resize(
    resource: Annotated[
        str, typer.Argument(help="The resource, by id or external id.", show_default=False)
    ],
    type_: Annotated[
        str | None, typer.Option("--type", help="Another type.", show_default=False)
    ] = None,
    field: FieldsGiven = None,
    at: At = None,
    as_json: Annotated[bool, screen.AsJson] = False,
) -> None:
    """Price another type, or other fields, of a resource."""
    from tallygate.app import open_installation
    from tallygate.config import load_config
    from tallygate.workflows.questions.quote_resource import quote_resize

    with open_installation(load_config()) as installation:
        found = quote_resize(
            installation,
            resource,
            tenant=None,
            type=type_,
            fields=_fields(field or []),
            at=_instant(at),
        )
    _show(found, as_json=as_json)


def delete(
    resource: Annotated[
        str, typer.Argument(help="The resource, by id or external id.", show_default=False)
    ],
    at: At = None,
    as_json: Annotated[bool, screen.AsJson] = False,
) -> None:
    """Say what the deletion of a resource saves."""
    from tallygate.app import open_installation
    from tallygate.config import load_config
    from tallygate.workflows.questions.quote_resource import quote_deletion

    with open_installation(load_config()) as installation:
        found = quote_deletion(installation, resource, tenant=None, at=_instant(at))
    _show(found, as_json=as_json)


def plan(
    account: Annotated[
        str,
        typer.Argument(
            help="A billing account or organization, by id or external id.", show_default=False
        ),
    ],
    wanted: Annotated[
        str, typer.Argument(metavar="PLAN", help="The key of a plan.", show_default=False)
    ],
    interval: Annotated[
        str | None, typer.Option(help="month or year; default: as it is, or the plan's first.")
    ] = None,
    when: Annotated[
        str, typer.Option(help="default (an upgrade at once), now, or period_end.")
    ] = "default",
    at: At = None,
    currency: Currency = None,
    as_json: Annotated[bool, screen.AsJson] = False,
) -> None:
    """Price a plan that an account may begin or change to."""
    from typing import get_args

    from tallygate.app import open_installation
    from tallygate.catalog.model import Interval
    from tallygate.config import load_config
    from tallygate.core.errors import Invalid
    from tallygate.subscriptions.change import When
    from tallygate.workflows.questions.quote_plan import quote_plan

    by: Interval | None = next((one for one in get_args(Interval) if one == interval), None)
    if by is None and interval is not None:
        raise Invalid(f"--interval {interval}: it is month or year.", param="interval")
    come: When | None = next((one for one in get_args(When) if one == when), None)
    if come is None:
        raise Invalid(f"--when {when}: it is {', '.join(get_args(When))}.", param="when")
    with open_installation(load_config()) as installation:
        found = quote_plan(
            installation,
            account,
            wanted,
            by,
            tenant=None,
            when=come,
            at=_instant(at),
            currency=currency,
        )
    _show(found, as_json=as_json)


def _instant(text: str | None) -> "datetime | None":
    from tallygate.core.period import parse_instant

    return None if text is None else parse_instant(text)


def _fields(given: list[str]) -> dict[str, object]:
    """The fields that were typed: true and false, numbers, or else texts.

    Raises:
        Invalid: one has another form, or is given twice.
    """
    from tallygate.core.errors import Invalid
    from tallygate.core.quantity import parse_decimal

    found: dict[str, object] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise Invalid(f"--field {text}: write NAME=VALUE, as --field vcpu=4.")
        if name in found:
            raise Invalid(f"--field {text}: {name} is given twice.")
        if value in TRUTHS:
            found[name] = TRUTHS[value]
            continue
        try:
            found[name] = parse_decimal(value)
        except Invalid:
            found[name] = value
    return found


def _show(found: "Estimate", *, as_json: bool) -> None:
    if as_json:
        from tallygate.interfaces.api.quote_shapes import estimate_shape

        screen.print_json(estimate_shape(found).model_dump(mode="json"))
        return
    from tallygate.core.period import instant_text
    from tallygate.core.quantity import plain

    payer = found.payer
    screen.out(f"Paid by {payer.account.id} ({payer.account.name}). {payer.why}")
    for one in found.prices:
        screen.out(f"{one.price.key}: {'; '.join(one.description)}")
    for left in found.allowances:
        unit = f" {left.unit}" if left.unit else ""
        screen.out(
            f"{left.price}: {plain(left.left)} of {plain(left.included)}{unit} included are left"
        )
    charge, monthly = found.first_charge, found.monthly
    if charge is not None:
        screen.out()
        _differences(charge.differences)
        total = screen.money(charge.amount, payer.currency)
        screen.out(f"First charge  {total} on {instant_text(charge.dated)}, before tax")
    if monthly is not None:
        screen.out(f"A full month  {screen.money(monthly.amount, payer.currency)}, before tax")
    for note in found.notes:
        screen.out(note)


def _differences(found: "Sequence[Difference]") -> None:
    from tallygate.rating import explain

    rows = [
        (
            one.line.price,
            str(one.line.period),
            screen.money(one.before, one.line.currency),
            screen.money(one.after, one.line.currency),
            "\n".join(explain(one.line)),
        )
        for one in found
    ]
    screen.table(("Price", "Period", "Before", "After", "Explanation"), rows, numbers=(2, 3))


COMMANDS = {"create": create, "resize": resize, "delete": delete, "plan": plan}
