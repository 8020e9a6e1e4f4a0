"""Is a price list sound, and which one is in force?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tallygate.interfaces.cli import screen

if TYPE_CHECKING:
    from tallygate.catalog import Catalog

HELP = "Check and publish the price list."


def check(
    file: Annotated[Path, typer.Argument(help="The catalog file.", show_default=False)],
    as_json: Annotated[bool, screen.AsJson] = False,
) -> None:
    """Report every problem of a catalog file at once."""
    from tallygate.catalog import read_with_warnings
    from tallygate.core.errors import CatalogInvalid

    try:
        found, warnings = read_with_warnings(read_text(file), file.name)
    except CatalogInvalid as error:
        if as_json:
            screen.print_json(
                {
                    "ok": False,
                    "problems": [_told(one.place, one.message) for one in error.problems],
                }
            )
        else:
            screen.note(str(error))
        raise typer.Exit(screen.FAILED) from None
    if as_json:
        told = [_told(one.place, one.message) for one in warnings]
        screen.print_json({"ok": True, **summary(found), "problems": [], "warnings": told})
        return
    for warning in warnings:
        screen.note(f"warning: {warning}")
    screen.out(f"{file} is sound: {sentence(found)}.")


def apply(
    file: Annotated[
        Path | None, typer.Argument(help="The catalog file; default: TALLYGATE_CATALOG.")
    ] = None,
    commit: Annotated[
        bool, typer.Option("--commit", help="Store it. Without this, nothing is changed.")
    ] = False,
) -> None:
    """Store a catalog as a new version (a dry run without --commit)."""
    from tallygate.app import open_installation
    from tallygate.config import load_config
    from tallygate.core.errors import Invalid
    from tallygate.workflows import publish

    config = load_config()
    chosen = file or config.catalog
    if chosen is None:
        raise Invalid("Name a catalog file, or set TALLYGATE_CATALOG.")
    text = read_text(chosen)
    with open_installation(config, create=commit) as installation:
        proposal = publish.propose(installation, text, chosen.name)
        for warning in proposal.warnings:
            screen.note(f"warning: {warning}")
        for change in proposal.changes:
            screen.out(f"  {change}")
        if not proposal.is_new:
            screen.out(f"{chosen} is in force already, as version {proposal.version}.")
            return
        if not commit:
            screen.out(f"This would be version {proposal.version}. Apply it with --commit.")
            raise typer.Exit(screen.PENDING)
        version = publish.apply(installation, text, chosen.name)
        screen.out(f"Version {version} is in force for new subscriptions.")


def read_text(file: Path) -> str:
    """The text of a catalog file.

    Raises:
        Invalid: it cannot be read.
        CatalogInvalid: it is no text.
    """
    from tallygate.catalog import decode
    from tallygate.core.errors import Invalid

    try:
        return decode(file.read_bytes(), file.name)
    except OSError as error:
        raise Invalid(f"{file} cannot be read: {error.strerror or error}.") from None


def summary(catalog: "Catalog") -> dict[str, object]:
    """How much of everything a catalog has."""
    return {
        "name": catalog.name,
        "currencies": list(catalog.currencies),
        "meters": len(catalog.meters),
        "plans": len(catalog.plans),
        "resources": len(catalog.resources),
        "coupons": len(catalog.coupons),
    }


def sentence(catalog: "Catalog") -> str:
    """How much of everything a catalog has, in words."""
    counted = [
        (len(catalog.plans), "plan"),
        (len(catalog.meters), "meter"),
        (len(catalog.resources), "resource type"),
        (len(catalog.coupons), "coupon"),
    ]
    parts = [f"{count} {noun}{'' if count == 1 else 's'}" for count, noun in counted]
    return f"{catalog.name}, {', '.join(parts)}, in {', '.join(catalog.currencies)}"


def _told(place: str, message: str) -> dict[str, str]:
    return {"place": place, "message": message}


COMMANDS = {"check": check, "apply": apply}
