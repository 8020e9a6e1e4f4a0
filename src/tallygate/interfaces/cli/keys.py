"""How are API keys made and taken back?"""

from typing import Annotated

import typer

from tallygate.interfaces.cli import screen

HELP = "Create and revoke API keys."


def create(
    organization: Annotated[
        str | None,
        typer.Option(help="Whose key it is: an id or external id; default: the platform's own."),
    ] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(help="ingest, read or write; repeat it for more; default: ingest."),
    ] = None,
    name: Annotated[str, typer.Option(help="What you call it.")] = "",
    expires: Annotated[
        str | None, typer.Option(help="When it ends, as 2027-01-01T00:00:00Z.")
    ] = None,
    as_json: Annotated[bool, screen.AsJson] = False,
) -> None:
    """Make a key and show it, once."""
    from tallygate.adapters.store import accounts
    from tallygate.app import open_installation
    from tallygate.config import load_config
    from tallygate.core.errors import NotFound
    from tallygate.core.period import parse_instant
    from tallygate.workflows.keys import create_key

    ends = None if expires is None else parse_instant(expires)
    with open_installation(load_config(), create=True) as installation:
        owner = None
        if organization is not None:
            with installation.store.read() as tx:
                subject = accounts.resolve_subject(tx, organization, None)
            if subject.kind != "organization":
                raise NotFound(f"There is no organization {organization}.")
            owner = subject.id
        made = create_key(
            installation,
            organization=owner,
            scopes=scope or ["ingest"],
            name=name,
            expires_at=ends,
        )
    if as_json:
        screen.print_json(
            {
                "id": made.key.id,
                "organization": made.key.organization,
                "scopes": sorted(made.key.scopes),
                "key": made.text,
            }
        )
        return
    screen.out(made.text)
    whose = made.key.organization or "the platform"
    screen.note(
        f"{made.key.id}, for {whose}, may {', '.join(sorted(made.key.scopes))}. "
        "The key is not shown again."
    )


def revoke(
    key: Annotated[str, typer.Argument(help="The key's id, key_...", show_default=False)],
) -> None:
    """Take a key back: within a second it opens nothing."""
    from tallygate.app import open_installation
    from tallygate.config import load_config
    from tallygate.workflows.keys import revoke_key

    with open_installation(load_config()) as installation:
        revoked = revoke_key(installation, key)
    screen.out(f"Within a second {revoked.id} opens nothing any more.")


COMMANDS = {"create": create, "revoke": revoke}
