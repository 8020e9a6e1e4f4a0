"""Do the provider's invoice and ours say the same, line by line?

Every amount is computed twice, here and there, and an invoice goes out only where both agree. A
line of 0 that the provider leaves out is equal. Of a coupon the total is compared, because each
side allots it to lines in its own way.
"""

from collections.abc import Iterable, Sequence

from tallygate.collection.representation import Own, Representation
from tallygate.collection.seen import SeenInvoice, SeenLine
from tallygate.invoicing.model import Invoice
from tallygate.rating.discounts import taken_off
from tallygate.rating.words import amount_text


def differences(
    invoice: Invoice, representation: Representation, seen: Sequence[SeenInvoice]
) -> tuple[str, ...]:
    """A sentence for everything in which the two differ; none where they are equal.

    While an invoice there is a draft, what it says of usage is not looked at: its totals are
    compared before it is finalized, and its lines once it is final. Of a coupon it is then only
    asked whether it holds there at all.
    """
    drafted = any(not one.is_final for one in seen)
    lines = [line for one in seen for line in one.lines]
    told = [
        *_currencies(invoice, seen),
        *_own(invoice, representation, lines, drafted=drafted),
        *_put(invoice, representation, lines),
    ]
    if drafted and representation.totals:
        told += _coupons_lacking(invoice, representation, lines)
    else:
        told += [] if representation.net else _coupons(invoice, representation, lines)
        told += _sum(invoice, representation, seen, told)
    return tuple(told)


def owed_there(invoice: Invoice, representation: Representation) -> int:
    """What the provider's invoices should come to: ours, with what earlier ones lacked."""
    return invoice.total + sum(one.amount for one in representation.put if one.makes_up)


def _currencies(invoice: Invoice, seen: Sequence[SeenInvoice]) -> list[str]:
    return [
        f"{one.id} is in {one.currency.upper()}, and ours in {invoice.currency.upper()}"
        for one in seen
        if one.currency != invoice.currency
    ]


def _own(
    invoice: Invoice, representation: Representation, lines: Sequence[SeenLine], *, drafted: bool
) -> list[str]:
    """What differs on the lines that the provider makes by itself, price by price."""
    theirs = [line for line in lines if line.item is None]
    metered = {one.key for one in representation.own if one.kind == "metered"}
    wanted = _by_key((one.key, one.amount) for one in representation.own)
    there = _by_key(
        (line.key or "", line.net if representation.net else line.amount) for line in theirs
    )
    told = []
    for key in dict.fromkeys([*wanted, *there]):
        ours, found = wanted.get(key, 0), there.get(key, 0)
        usage = key in metered or any(
            line.key == key and line.kind == "metered" for line in theirs
        )
        if ours == found or (drafted and usage):
            continue
        kinds = " and ".join(_kinds(representation.own, key)) or "no line of ours"
        told.append(
            f"{key or 'a price that is not ours'} ({kinds}): "
            f"{amount_text(ours, invoice.currency)} here, "
            f"{amount_text(found, invoice.currency)} there"
        )
    return told


def _put(invoice: Invoice, representation: Representation, lines: Sequence[SeenLine]) -> list[str]:
    """What differs on the lines that we put there, mark by mark."""
    wanted = {one.mark: one for one in representation.put}
    there = _by_key((line.item, line.amount) for line in lines if line.item is not None)
    told = []
    for mark in dict.fromkeys([*wanted, *there]):
        ours = wanted[mark].amount if mark in wanted else 0
        if ours != there.get(mark, 0):
            what = wanted[mark].description if mark in wanted else f"the item {mark}"
            told.append(
                f"{what}: {amount_text(ours, invoice.currency)} here, "
                f"{amount_text(there.get(mark, 0), invoice.currency)} there"
            )
    return told


def _coupons(
    invoice: Invoice, representation: Representation, lines: Sequence[SeenLine]
) -> list[str]:
    """The coupons that do not take off what they do here, with what they have to beyond it."""
    wanted = _by_key([*taken_off(invoice.lines).items(), *representation.off_more.items()])
    there = _by_key(item for line in lines for item in line.discounts.items())
    return [
        f"the coupon {coupon} takes off {amount_text(wanted.get(coupon, 0), invoice.currency)} "
        f"here, {amount_text(there.get(coupon, 0), invoice.currency)} there"
        for coupon in dict.fromkeys([*wanted, *there])
        if wanted.get(coupon, 0) != there.get(coupon, 0)
    ]


def _coupons_lacking(
    invoice: Invoice, representation: Representation, lines: Sequence[SeenLine]
) -> list[str]:
    """The coupons that reach more than usage here, and nothing at all there.

    When a coupon that holds once is spent, is for each side to say.
    """
    usage = {one.key for one in representation.own if one.kind == "metered"}
    wanted = taken_off(line for line in invoice.lines if line.price not in usage)
    there = {coupon for line in lines for coupon in line.discounts}
    return [
        f"the coupon {coupon} takes off {amount_text(amount, invoice.currency)} here, and does "
        "not hold there"
        for coupon, amount in wanted.items()
        if amount and coupon not in there
    ]


def _sum(
    invoice: Invoice,
    representation: Representation,
    seen: Sequence[SeenInvoice],
    told: Sequence[str],
) -> list[str]:
    """A last sentence where the sums differ and no line has said why."""
    ours, theirs = owed_there(invoice, representation), sum(one.total for one in seen)
    if ours == theirs or told:
        return []
    here, there = (amount_text(amount, invoice.currency) for amount in (ours, theirs))
    return [f"the total is {here} here, {there} there"]


def _by_key(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for key, amount in pairs:
        sums[key] = sums.get(key, 0) + amount
    return sums


def _kinds(own: Sequence[Own], key: str) -> list[str]:
    return list(dict.fromkeys(one.kind for one in own if one.key == key))
