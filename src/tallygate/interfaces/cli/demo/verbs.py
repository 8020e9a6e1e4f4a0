"""What can happen in a story? Each verb does it, and gives what came of it."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from tallygate.adapters.store import accounts as stored
from tallygate.adapters.store import members as kept_members
from tallygate.core.money import main_units
from tallygate.core.period import instant_text
from tallygate.interfaces.api.event_wire import decode
from tallygate.interfaces.cli.demo.planning import break_down, prepare, quote
from tallygate.interfaces.cli.demo.sources import READERS
from tallygate.interfaces.cli.demo.telling import Outcome, StoryBroken, Telling, instant
from tallygate.invoicing.model import Invoice
from tallygate.subscriptions import status
from tallygate.workflows import accounts, members, operate
from tallygate.workflows.change import cancel, change_plan, resume
from tallygate.workflows.close import close_due
from tallygate.workflows.ingest import Verdicts, write_group
from tallygate.workflows.mirror.sync import sync_account
from tallygate.workflows.project_moves import move_project
from tallygate.workflows.questions.preview import preview
from tallygate.workflows.subscribe import subscribe

if TYPE_CHECKING:
    from tallygate.interfaces.cli.demo.till import Till

BATCH = 5000
MOST_MEMBERS = 1000


def _organization(telling: Telling, asked: Mapping[str, Any]) -> Outcome:
    made = accounts.create_organization(
        telling.installation, asked["name"], external_id=asked["id"]
    )
    telling.organizations[asked["id"]] = made.id
    return {"id": made.id}


def _project(telling: Telling, asked: Mapping[str, Any]) -> Outcome:
    owner = telling.organizations[asked["organization"]]
    payer = telling.account(asked["account"]) if "account" in asked else None
    made = accounts.create_project(
        telling.installation,
        owner,
        asked["name"],
        tenant=owner,
        external_id=asked["id"],
        billing_account=payer,
    )
    return {"id": made.id}


def _member(telling: Telling, asked: Mapping[str, Any]) -> Outcome:
    owner = telling.organizations[asked["organization"]]
    made = members.add_member(
        telling.installation, owner, asked["person"], asked["role"], tenant=owner
    )
    _let_work(telling)
    return {"id": made.id}


def _subscribe(telling: Telling, asked: Mapping[str, Any]) -> Outcome:
    installation, name = telling.installation, _payer_named(asked)
    with installation.store.read() as tx:
        account = accounts.locate_account(tx, name, None)
    made, invoice = subscribe(
        installation,
        account.id,
        asked["plan"],
        interval=asked.get("interval"),
        currency=asked.get("currency"),
        coupons=asked.get("coupons", ()),
    )
    telling.subscriptions[name] = made.id
    return {"status": status(made, telling.clock.now())} | _billed(telling, invoice)


def _change(telling: Telling, asked: Mapping[str, Any]) -> Outcome:
    changed = change_plan(
        telling.installation,
        telling.subscription(_payer_named(asked)),
        asked["plan"],
        asked.get("interval"),
        when=asked.get("when", "default"),
    )
    effective = {"effective": instant_text(changed.effective)}
    _let_work(telling)
    return effective | _billed(telling, changed.invoice)


def _cancel(telling: Telling, asked: Mapping[str, Any]) -> Outcome:
    ended = cancel(
        telling.installation,
        telling.subscription(_payer_named(asked)),
        now=asked.get("now", False),
        refund=asked.get("refund", False),
    )
    _let_work(telling)
    return {"status": status(ended, telling.clock.now())}


def _resume(telling: Telling, asked: Mapping[str, Any]) -> Outcome:
    resumed = resume(telling.installation, telling.subscription(_payer_named(asked)))
    _let_work(telling)
    return {"status": status(resumed, telling.clock.now())}


def _resource(telling: Telling, asked: Mapping[str, Any]) -> Outcome:
    """Make a resource in a project (`type`), give it another type, or let it go (`deleted`)."""
    installation, id_ = telling.installation, asked["id"]
    if asked.get("deleted"):
        operate.delete_resource(installation, id_, tenant=None)
    elif "project" in asked:
        operate.create_resource(
            installation, asked["project"], asked["type"], tenant=None, external_id=id_
        )
    else:
        operate.resize_resource(installation, id_, tenant=None, type=asked["type"])
    _let_work(telling)
    return {}


def _let_work(telling: Telling) -> None:
    """Let the worker hear of it at once, where there is one."""
    if telling.till is not None:
        telling.till.work()


def _foresee(telling: Telling, asked: Mapping[str, Any]) -> Outcome:
    """The preview of a change: when it would come, and what would be invoiced at once."""
    foreseen = change_plan(
        telling.installation,
        telling.subscription(_payer_named(asked)),
        asked["plan"],
        asked.get("interval"),
        when=asked.get("when", "default"),
        commit=False,
    )
    invoice = foreseen.invoice
    billed = {} if invoice is None else summary(invoice, _payer_named(asked))
    return {"effective": instant_text(foreseen.effective)} | billed


def _leave(telling: Telling, asked: Mapping[str, Any]) -> Outcome:
    """Let a member leave an organization."""
    owner = telling.organizations[asked["organization"]]
    with telling.installation.store.read() as tx:
        listed = kept_members.list_members(tx, owner, None, MOST_MEMBERS)
    [gone] = [one for one in listed if one.person == asked["person"] and one.until is None]
    members.remove_member(telling.installation, gone.id, tenant=owner)
    _let_work(telling)
    return {}


def _billing_account(telling: Telling, asked: Mapping[str, Any]) -> Outcome:
    """Another billing account of an organization's, beside its own."""
    owner = telling.organizations[asked["organization"]]
    made = accounts.create_billing_account(
        telling.installation, owner, asked["name"], tenant=owner, external_id=asked["id"]
    )
    return {"id": made.id}


def _payer(telling: Telling, asked: Mapping[str, Any]) -> Outcome:
    """Let another account pay for a project from now on; without `account`, the organization's."""
    with telling.installation.store.read() as tx:
        project = stored.resolve_subject(tx, asked["project"], None)
    account = telling.account(asked["account"]) if "account" in asked else None
    accounts.switch_payer(telling.installation, project.id, account, tenant=project.organization)
    _let_work(telling)
    return {}


def _move(telling: Telling, asked: Mapping[str, Any]) -> Outcome:
    """Let a project be another organization's from now on; tells whose it was."""
    names = {id_: name for name, id_ in telling.organizations.items()}
    with telling.installation.store.read() as tx:
        project = stored.resolve_subject(tx, asked["project"], None)
    move_project(telling.installation, project.id, telling.organizations[asked["organization"]])
    _let_work(telling)
    return {"left": names[project.organization]}


def _looks(name: str) -> Callable[[Telling, Any], Outcome]:
    """A verb that looks at one billing account."""

    def verb(telling: Telling, asked: Mapping[str, Any]) -> Outcome:
        from tallygate.interfaces.cli.demo import looks

        sees: Callable[[Till, str], Outcome] = getattr(looks, name)
        return sees(_till(telling), telling.account(_payer_named(asked)))

    return verb


def _sync(telling: Telling, asked: Mapping[str, Any]) -> Outcome:
    """Report an account's usage by hand: a dry run, until `commit` says otherwise."""
    from tallygate.interfaces.cli.demo import looks

    till, account = _till(telling), telling.account(_payer_named(asked))
    planned = looks.would_report(till, account)
    if asked.get("commit"):
        sync_account(telling.installation, till.books, account)
    return {"reports": planned}


def _invoices(telling: Telling, asked: Mapping[str, Any]) -> Outcome:
    from tallygate.interfaces.cli.demo import looks

    name = _payer_named(asked)
    since = instant(asked["since"]) if "since" in asked else None
    shown = partial(summary, organization=name)
    return looks.collected(_till(telling), telling.account(name), shown, since)


def _reconcile(telling: Telling, _asked: Mapping[str, Any]) -> Outcome:
    from tallygate.interfaces.cli.demo import looks

    return looks.reconciled(_till(telling))


def _shops(name: str) -> Callable[[Telling, Any], Outcome]:
    """A verb of customers who pay at a local Stripe."""

    def verb(telling: Telling, asked: Mapping[str, Any]) -> Outcome:
        from tallygate.interfaces.cli.demo.shoppers import SHOPPERS

        return SHOPPERS[name](_till(telling), telling.account(_payer_named(asked)), asked)

    return verb


def _payer_named(asked: Mapping[str, Any]) -> str:
    """Whose billing account a step is about: an organization's own, or one that is named."""
    named: str = asked.get("account") or asked["organization"]
    return named


def _till(telling: Telling) -> "Till":
    assert telling.till is not None, "the story says `through: stripe`"
    return telling.till


def _events(telling: Telling, asked: Sequence[Mapping[str, Any]]) -> Outcome:
    return _send(telling, [_envelope(event) for event in asked])


def _reports(telling: Telling, asked: Mapping[str, Any]) -> Outcome:
    """The same event again and again, each with the identity of its instant."""
    kind, subject = asked["type"], asked["subject"]
    return _send(
        telling,
        [
            _envelope(
                {
                    "id": f"{kind}-{subject}-{instant_text(at)}",
                    "type": kind,
                    "subject": subject,
                    "time": at,
                    "data": asked["data"],
                }
            )
            for at in _instants(asked)
        ],
    )


def _import(telling: Telling, asked: Mapping[str, Any]) -> Outcome:
    return _send(telling, list(READERS[asked["reader"]](telling.story.folder / asked["file"])))


def _preview(telling: Telling, asked: Mapping[str, Any]) -> Outcome:
    found = preview(telling.installation, telling.subscription(_payer_named(asked)))
    return summary(found, _payer_named(asked))


def _close(telling: Telling, _asked: Mapping[str, Any]) -> Outcome:
    made = close_due(telling.installation)
    telling.invoices += made
    names = {id_: name for name, id_ in telling.organizations.items()}
    return [summary(invoice, names[invoice.organization]) for invoice in made]


VERBS: dict[str, Callable[[Telling, Any], Outcome]] = {
    "organization": _organization,
    "project": _project,
    "member": _member,
    "subscribe": _subscribe,
    "change": _change,
    "cancel": _cancel,
    "resume": _resume,
    "resource": _resource,
    "events": _events,
    "reports": _reports,
    "import": _import,
    "preview": _preview,
    "close": _close,
    "foresee": _foresee,
    "leave": _leave,
    "billing_account": _billing_account,
    "payer": _payer,
    "move": _move,
    **{name: _looks(name) for name in ("status", "told", "reported")},
    "setup": prepare,
    "quote": quote,
    "breakdown": break_down,
    "sync": _sync,
    "invoices": _invoices,
    "reconcile": _reconcile,
    **{
        name: _shops(name) for name in ("buy", "link", "card", "pay", "authenticate", "portal_end")
    },
}


def summary(invoice: Invoice, organization: str) -> dict[str, Any]:
    """An invoice in the terms of a story."""
    lines: dict[str, int] = {}
    for line in invoice.lines:
        lines[line.price] = lines.get(line.price, 0) + line.amount
    return {
        "organization": organization,
        "lines": {price: _main(amount, invoice) for price, amount in lines.items()},
        "discount": _main(invoice.discount, invoice),
        "total": _main(invoice.total, invoice),
    }


def _billed(telling: Telling, invoice: Invoice | None) -> dict[str, Any]:
    if invoice is None:
        return {}
    telling.invoices.append(invoice)
    return summary(invoice, "")


def _main(amount: int, invoice: Invoice) -> str:
    return str(main_units(amount, invoice.currency))


def _send(telling: Telling, events: Sequence[Mapping[str, Any]]) -> Outcome:
    total = Verdicts()
    limit = telling.installation.settings.max_batch
    for start in range(0, len(events), BATCH):
        body = json.dumps(events[start : start + BATCH]).encode()
        batch = decode(body, "application/cloudevents-batch+json", None, limit)
        [verdicts] = write_group(telling.installation, [batch])
        total.accepted += verdicts.accepted
        total.duplicates += verdicts.duplicates
        total.conflicts += verdicts.conflicts
        total.rejected += verdicts.rejected
    if total.rejected:
        raise StoryBroken(f"{telling.story.name}: an event was rejected: {total.rejected[0]}")
    telling.events += total.accepted
    return {
        "accepted": total.accepted,
        "duplicates": total.duplicates,
        "conflicts": len(total.conflicts),
    }


def _envelope(event: Mapping[str, Any]) -> dict[str, Any]:
    told = dict(event)
    told["time"] = instant_text(instant(told["time"]))
    return {"specversion": "1.0", "source": "story", **told}


def _instants(asked: Mapping[str, Any]) -> Iterator[datetime]:
    at, until = instant(asked["from"]), instant(asked["until"])
    every = timedelta(hours=int(asked["every"].removesuffix("h")))
    while at < until:
        yield at
        at += every
