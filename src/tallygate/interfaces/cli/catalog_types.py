"""What is sold now, and how is another type of resource added to it?"""

from typing import TYPE_CHECKING, Annotated

import typer

from tallygate.interfaces.cli import screen
from tallygate.interfaces.cli.catalog import apply_text

if TYPE_CHECKING:
    from decimal import Decimal


def show(as_json: Annotated[bool, screen.AsJson] = False) -> None:
    """Print the text of the catalog that is in force."""
    from tallygate.adapters.store.catalogs import latest_text
    from tallygate.app import open_installation
    from tallygate.config import load_config
    from tallygate.core.errors import NotFound

    with open_installation(load_config()) as installation, installation.store.read() as tx:
        found = latest_text(tx)
    if found is None:
        raise NotFound("No catalog was applied yet: run `tallygate catalog apply`.")
    version, text = found
    if as_json:
        screen.print_json({"version": version, "text": text})
    else:
        screen.out(text.rstrip())


def add_type(
    key: Annotated[str, typer.Argument(help="The type's key, like vm.large.")],
    price: Annotated[
        str | None, typer.Option(help="The key of its price; with --per-unit, of a new one.")
    ] = None,
    per_unit: Annotated[
        list[str] | None,
        typer.Option(
            help="What one costs a month: 25.00, or usd=25.00 and again for each currency."
        ),
    ] = None,
    description: Annotated[str, typer.Option(help="What it is, for those who buy it.")] = "",
    spec: Annotated[
        list[str] | None, typer.Option(help="What it has, like vcpu=4; several times.")
    ] = None,
    commit: Annotated[
        bool, typer.Option("--commit", help="Do it. Without this, nothing is changed.")
    ] = False,
) -> None:
    """Add a resource type to the catalog that is in force, as its next version.

    Without --commit this is a dry run. `catalog show` prints the text as it is then.
    """
    from tallygate.app import open_installation
    from tallygate.config import load_config
    from tallygate.workflows.resource_types import NewType, text_with_type

    config = load_config()
    new = NewType(
        key,
        description,
        price,
        {"per_unit": _rates(per_unit), "every": "month"} if per_unit else None,
        dict(map(_pair, spec or ())),
    )
    with open_installation(config) as installation:
        text = text_with_type(installation, new)
        apply_text(config, installation, text, "the catalog with it", commit=commit)


def _pair(word: str) -> tuple[str, "Decimal | str"]:
    """A word of the form name=value; a value that is a number is one."""
    from decimal import Decimal, InvalidOperation

    from tallygate.core.errors import Invalid

    name, equals, value = word.partition("=")
    if not (name and equals and value):
        raise Invalid(f"{word!r} must be written as name=value, like vcpu=4.")
    try:
        number = Decimal(value)
    except InvalidOperation:
        return name, value
    return name, number if number.is_finite() else value


def _rates(words: list[str]) -> "str | dict[str, str]":
    """A rate: one for all, or one for each currency."""
    if len(words) == 1 and "=" not in words[0]:
        return words[0]
    return {currency: str(rate) for currency, rate in map(_pair, words)}
