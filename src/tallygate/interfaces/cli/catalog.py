"""Is a price list sound, and which one is in force?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tallygate.interfaces.cli import screen

if TYPE_CHECKING:
    from tallygate.catalog import Catalog
    from tallygate.config import Config
    from tallygate.workflows.installation import Installation
    from tallygate.workflows.mirror.price_list import Mirroring, PlannedStep

HELP = "Check and publish the price list."

File = typer.Argument(help="The catalog file; default: TALLYGATE_CATALOG.")


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


def plan(
    file: Annotated[Path | None, File] = None,
    as_json: Annotated[bool, screen.AsJson] = False,
) -> None:
    """Show what Stripe lacks of a catalog, step by step; nothing is changed."""
    _, foreseen = _foreseen(file)
    if as_json:
        screen.print_json(_shape(foreseen))
    else:
        _show(foreseen)
        _show_links(foreseen)
    if foreseen.steps:
        screen.note("Nothing was changed: `tallygate catalog apply --commit` does it.")
    _end(foreseen)


def apply(
    file: Annotated[Path | None, File] = None,
    commit: Annotated[
        bool, typer.Option("--commit", help="Do it. Without this, nothing is changed.")
    ] = False,
) -> None:
    """Store a catalog as a new version, and publish it where a Stripe key is set.

    Without --commit this is a dry run.
    """
    from tallygate.app import open_installation
    from tallygate.config import load_config

    config = load_config()
    text, name = _chosen(config, file)
    with open_installation(config, create=commit) as installation:
        apply_text(config, installation, text, name, commit=commit)


def apply_text(
    config: "Config", installation: "Installation", text: str, name: str, *, commit: bool
) -> None:
    """Tell what a text would change, and with `commit` have it, here and at Stripe."""
    from tallygate.app import open_provider
    from tallygate.workflows import publish
    from tallygate.workflows.mirror import price_list

    provider = None if config.stripe_key is None else open_provider(config)
    proposal = publish.propose(installation, text, name)
    for warning in proposal.warnings:
        screen.note(f"warning: {warning}")
    catalog, _ = publish.check(text, name)
    foreseen = None if provider is None else price_list.foresee(installation, provider, catalog)
    for change in proposal.changes:
        screen.out(f"  {change}")
    if proposal.is_new and commit:
        version = publish.apply(installation, text, name)
        screen.out(f"Version {version} is in force for new subscriptions.")
    elif proposal.is_new:
        screen.out(f"This would be version {proposal.version}. Apply it with --commit.")
    else:
        screen.out(f"{name} is in force already, as version {proposal.version}.")
    if provider is not None and foreseen is not None:
        _show(foreseen, doing=commit)
        if commit:
            kept = sum(one.keeping or 0 for one in foreseen.steps)
            foreseen = price_list.carry_out(installation, provider, catalog, foreseen, _tell)
            _show_links(foreseen)
            if kept:
                screen.note(
                    "`tallygate catalog move --all` shows who could come to the new prices."
                )
    if not commit and proposal.is_new:
        raise typer.Exit(screen.PENDING)
    if foreseen is not None:
        _end(foreseen)


def links(
    file: Annotated[Path | None, File] = None,
    as_json: Annotated[bool, screen.AsJson] = False,
) -> None:
    """Show at which addresses the plans of a catalog can be bought."""
    catalog, foreseen = _foreseen(file)
    if as_json:
        screen.print_json([one._asdict() for one in foreseen.links])
    elif foreseen.links:
        screen.table(("Plan", "Interval", "Address"), foreseen.links, numbers=())
    elif not catalog.links:
        screen.out("The catalog asks for none: write `links: true` in it.")
    waiting = [one for one in foreseen.steps if one.kind in {"create_link", "change_link"}]
    if waiting:
        screen.note("Not all is there yet: `tallygate catalog apply --commit` does it.")
        raise typer.Exit(screen.PENDING)


def move(
    version: Annotated[
        int | None,
        typer.Argument(
            metavar="old_version", help="The version whose subscribers move.", show_default=False
        ),
    ] = None,
    all_: Annotated[
        bool, typer.Option("--all", help="Move those of every older version.")
    ] = False,
    plan: Annotated[str | None, typer.Option(help="Move those of this plan alone.")] = None,
    commit: Annotated[
        bool, typer.Option("--commit", help="Do it. Without this, nothing is changed.")
    ] = False,
    as_json: Annotated[bool, screen.AsJson] = False,
) -> None:
    """Move subscribers of older versions to the newest one when their period ends.

    Without --commit this is a dry run.
    """
    from tallygate.app import open_installation
    from tallygate.config import load_config
    from tallygate.core.errors import Invalid
    from tallygate.interfaces.cli.moves import moves_shape, show_moves
    from tallygate.workflows.move import Chosen, move_to_newest

    if all_ == (version is not None):
        raise Invalid("Say whom to move: those of one version, by its number, or --all.")
    with (
        open_installation(load_config()) as installation,
        screen.progress("Looked at", None) as at,
    ):
        moves = move_to_newest(installation, Chosen(version, plan), commit=commit, told=at)
    if as_json:
        screen.print_json(moves_shape(moves))
    else:
        show_moves(moves, commit=commit)
    if moves.moved and not commit:
        screen.note("Nothing was changed: --commit does it. Tell your customers before.")
        raise typer.Exit(screen.PENDING)
    if moves.staying:
        raise typer.Exit(screen.PARTIAL)


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


def _foreseen(file: Path | None) -> "tuple[Catalog, Mirroring]":
    """A catalog, and what is to be done so that the provider holds it."""
    from tallygate.app import open_installation, open_provider
    from tallygate.config import load_config
    from tallygate.workflows import publish
    from tallygate.workflows.mirror import price_list

    config = load_config()
    text, name = _chosen(config, file)
    provider = open_provider(config)
    with open_installation(config) as installation:
        catalog, _ = publish.check(text, name, at=installation.now)
        return catalog, price_list.foresee(installation, provider, catalog)


def _chosen(config: "Config", file: Path | None) -> tuple[str, str]:
    """The text of the catalog that was named, and the name to call it by."""
    from tallygate.core.errors import Invalid

    chosen = file or config.catalog
    if chosen is None:
        raise Invalid("Name a catalog file, or set TALLYGATE_CATALOG.")
    return read_text(chosen), chosen.name


def _show(foreseen: "Mirroring", *, doing: bool = False) -> None:
    """The steps at the provider, unless they are told as they are done; and what is in the way."""
    for note in foreseen.notes:
        screen.note(note)
    for obstacle in foreseen.obstacles:
        screen.note(f"warning: {obstacle}")
    count = len(foreseen.steps)
    if not count:
        screen.out(f"{foreseen.provider} holds it already.")
        return
    screen.out(f"{foreseen.provider}, {count} step{'' if count == 1 else 's'}:")
    if not doing:
        for step in foreseen.steps:
            _tell(step)


def _show_links(foreseen: "Mirroring") -> None:
    for plan, interval, url in foreseen.links:
        screen.out(f"  {plan} by the {interval}: {url}")


def _tell(step: "PlannedStep") -> None:
    screen.out(f"  {step.number}. {step.sentence}")


def _shape(foreseen: "Mirroring") -> dict[str, object]:
    return {
        "provider": foreseen.provider,
        "steps": [
            {
                "number": one.number,
                "kind": one.kind,
                "sentence": one.sentence,
                "keeping": one.keeping,
            }
            for one in foreseen.steps
        ],
        "links": [one._asdict() for one in foreseen.links],
        "obstacles": list(foreseen.obstacles),
        "notes": list(foreseen.notes),
    }


def _end(foreseen: "Mirroring") -> None:
    """End with the code for what is left to do: by a command, or by the operator."""
    if foreseen.steps:
        raise typer.Exit(screen.PENDING)
    if foreseen.obstacles:
        raise typer.Exit(screen.PARTIAL)


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


COMMANDS = {"check": check, "plan": plan, "apply": apply, "links": links, "move": move}
