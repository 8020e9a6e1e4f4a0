"""Each thing that a price list may not say is refused at its place, with what to do."""

import pytest

from tallygate.catalog import read_catalog
from tallygate.core.errors import CatalogInvalid


def problems_of(text: str) -> list[str]:
    with pytest.raises(CatalogInvalid) as refused:
        read_catalog(text)
    return [str(problem) for problem in refused.value.problems]


def with_prices(*entries: str, more: str = "") -> str:
    lines = "\n".join(f"      - {entry}" for entry in entries)
    return (
        "name: a\ncurrency: usd\nmeters:\n"
        "  m: {event: e, value: v, aggregation: sum}\n"
        f"plans:\n  p:\n    prices:\n{lines}\n{more}"
    )


@pytest.mark.parametrize(
    ("entry", "place", "said"),
    [
        ('{key: x, flat: "1"}', "prices[0]", "`every` is missing"),
        ('{key: x, per_unit: "1"}', "prices[0]", "name the `meter`"),
        ('{flat: "1", every: month}', "prices[0]", "'key' is missing"),
        ("{key: x, every: month}", "prices[0]", "none is there"),
        ('{key: x, flat: "1", per_unit: "1", every: month}', "prices[0]", "flat and per_unit"),
        ('{key: x, meter: m, per_unit: "1", every: year}', "every", "billed monthly"),
        ('{key: x, meter: m, flat: "1"}', "meter", "flat price has no meter"),
        ('{key: x, meter: m, count: members, per_unit: "1"}', "count", "metered price"),
        ('{key: x, flat: "1", every: month, included: 5}', "included", "flat price"),
        ('{key: x, per_unit: "1", every: month, minimum: "5"}', "minimum", "counted price"),
        ('{key: x, flat: "-1", every: month}', "flat", "0 or more"),
        ('{key: x, flat: "1e3", every: month}', "flat", "plain decimal"),
        ('{key: x, flat: "1.005", every: month}', "flat", "minor units"),
        ("{key: x, flat: 29, every: month}", "flat", 'in quotes: "29"'),
        ("{key: x, flat: .inf, every: month}", "flat", "plain decimal"),
        ("{key: x, flat: .nan, every: month}", "flat", "plain decimal"),
        ("{key: x, flat: , every: month}", "flat", "nothing"),
        ('{key: x, flat: {eur: "1"}, every: month}', "flat", "in usd is missing"),
        ('{key: x, flat: {usd: "1", eur: "1"}, every: month}', "flat.eur", "none of the catalog"),
        ('{key: x, flat: ["1"], every: month}', "flat", "not a list"),
        ('{key: "a b", flat: "1", every: month}', "key", "is no name"),
        (f'{{key: {"k" * 201}, flat: "1", every: month}}', "key", "1 to 200"),
        ('{key: x, meter: m, per_unit: "1", included: 0.5}', "included", 'in quotes: "0.5"'),
        ('{key: x, meter: m, per_unit: "1", included: -5}', "included", "0 or more"),
        ('{key: x, meter: m, per_unit: "1.234567891"}', "prices[0]", "12 decimals"),
        ('{key: x, meter: m, per_unit: "123456789.12345678"}', "per_unit", "15 digits"),
        ('{key: x, meter: m, package: {price: "1"}}', "package", "'size' is missing"),
        ('{key: x, meter: m, package: {size: 0, price: "1"}}', "package.size", "more than zero"),
        ('{key: x, meter: m, minimum: "5", maximum: "4", per_unit: "1"}', "maximum", "below"),
        ("{key: x, meter: m, graduated: []}", "graduated", "1 to 100 tiers"),
        ("{key: x, meter: m, graduated: [{}]}", "graduated[0]", "has no rate"),
        ('{key: x, meter: m, volume: [{unit: "1"}, {unit: "2"}]}', "volume[0]", "write `up_to`"),
        (
            '{key: x, meter: m, volume: [{up_to: 5, flat: "1"}, {up_to: 5}, {unit: "1"}]}',
            "volume[1].up_to",
            "greater than 5",
        ),
        ("somewhere", "prices[0]", "no shared price"),
        ("[]", "prices[0]", "must be a mapping"),
        ("{key: x, flat: &a [*a], every: month}", "", "nothing that is complete"),
    ],
)
def test_a_price_that_cannot_be_is_refused_with_its_place(
    entry: str, place: str, said: str
) -> None:
    found = problems_of(with_prices(entry))
    assert any(said in problem for problem in found), found
    assert any(f"{place}: " in problem for problem in found if said in problem) or not place


@pytest.mark.parametrize(
    ("meter", "said"),
    [
        ("{event: e, value: v, aggregation: count}", "reads no value"),
        ("{event: e, aggregation: unique}", "name the field"),
        ("{event: e, value: a + b, aggregation: unique}", "no arithmetic"),
        ("{event: e, value: a, aggregation: sum, over: period}", "time_weighted only"),
        ("{event: e, value: a / b, aggregation: sum}", "never by a field"),
        ("{event: resource, value: a, aggregation: sum}", "states"),
        ("{event: e, aggregation: sum, per: id}", "Write a list of fields"),
        ("{event: e, aggregation: sum, per: [a-b]}", "no name of a field"),
        ("{event: e, aggregation: sum, per: [a, a]}", "named twice"),
        ("{event: e, aggregation: sum, per: [[a]]}", "not a list"),
        ("{event: e, aggregation: sum, where: {a: [1]}}", "asked to equal"),
        ("{event: e, aggregation: sum, where: {a: 1e9}}", "plain decimal"),
        ("{event: e, aggregation: sum, where: {a-b: 1}}", "letters, digits and _"),
        ("{event: e, aggregation: sum, where: region}", "must be a mapping"),
        ("{event: e, aggregation: sum, round: {to: 0}}", "greater than zero"),
        ("{event: e, aggregation: sum, round: {to: 0.1}}", 'in quotes: "0.1"'),
        ("{event: e, aggregation: sum, round: {mode: halfup}}", "Did you mean half_up?"),
        ("{event: e}", "'aggregation' is missing"),
        ("{aggregation: sum}", "'event' is missing"),
        ('{event: "a\\tb", aggregation: sum}', "printable"),
        ("{event: '', aggregation: sum}", "1 to 255"),
        ("sum", "must be a mapping"),
    ],
)
def test_a_meter_that_cannot_be_is_refused(meter: str, said: str) -> None:
    found = problems_of(f"name: a\ncurrency: usd\nmeters:\n  m: {meter}\n")
    assert any(said in problem for problem in found), found


@pytest.mark.parametrize(
    ("coupon", "said"),
    [
        ("{duration: once}", "either percent_off or amount_off"),
        ("{percent_off: 5, amount_off: {usd: '5'}, duration: once}", "either percent_off"),
        ("{percent_off: 0, duration: once}", "more than 0"),
        ("{percent_off: 100.5, duration: once}", "in quotes"),
        ("{percent_off: '0.001', duration: once}", "2 decimals"),
        ("{percent_off: 5}", "'duration' is missing"),
        ("{percent_off: 5, duration: twice}", "once, forever or {months: 3}"),
        ("{percent_off: 5, duration: {months: 0}}", "from 1 to 120"),
        ("{percent_off: 5, duration: {}}", "'months' is missing"),
        ("{amount_off: '5', duration: once}", 'write {usd: "5.00"}'),
        ("{amount_off: {usd: '0'}, duration: once}", "is zero"),
        ("{amount_off: {}, duration: once}", "amount is missing"),
        ("{amount_off: {eur: '5'}, duration: once}", "none of the catalog's currencies"),
        ("{percent_off: 5, duration: once, applies_to: []}", "applies to nothing"),
        ("{percent_off: 5, duration: once, applies_to: [bse]}", "did you mean 'base'?"),
        ("{percent_off: 5, duration: once, redeem_by: 2026-01-01}", "no time zone"),
        ("{percent_off: 5, duration: once, redeem_by: soon}", "is not a time"),
        ("{percent_off: 5, duration: once, max_redemptions: 0}", "from 1 to"),
    ],
)
def test_a_coupon_that_cannot_be_is_refused(coupon: str, said: str) -> None:
    entry = '{key: base, flat: "1", every: month}'
    found = problems_of(with_prices(entry, more=f"coupons:\n  C: {coupon}\n"))
    assert any(said in problem for problem in found), found
    assert all("coupons.C" in problem for problem in found)


@pytest.mark.parametrize(
    ("resource", "said"),
    [
        ("{price: base}", "move it to the shared `prices`"),
        ("{price: flat}", "'flat' is flat"),
        ("{price: seats}", "counted by members"),
        ("{price: vms}", "did you mean 'vm'?"),
        ("{spec: {running: 1}}", "says of itself"),
        ("{spec: {gpu: true}}", "write 1 and 0"),
        ("{spec: {ram-gb: 1}}", "letters, digits and _"),
        ("{spec: {ram_gb: 0.5}}", "in quotes"),
        ("{cost: {amount: '1'}}", "'every' is missing"),
        ("{cost: {amount: {chf: '1'}, every: month}}", "none of the catalog's currencies"),
    ],
)
def test_a_resource_type_that_cannot_be_is_refused(resource: str, said: str) -> None:
    shared = (
        "prices:\n"
        '  - {key: vm, per_unit: "1", every: month}\n'
        '  - {key: seats, count: members, per_unit: "1", every: month}\n'
        '  - {key: flat, flat: "1", every: month}\n'
    )
    entry = '{key: base, flat: "1", every: month}'
    found = problems_of(with_prices(entry, more=f"{shared}resources:\n  r: {resource}\n"))
    assert any(said in problem for problem in found), found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: a\ncurrency: USD\n", "three small letters"),
        ("name: a\ncurrency: [usd, usd]\n", "named twice"),
        ("name: a\ncurrency: []\n", "at least one currency"),
        ("currency: usd\n", "'name' is missing"),
        ("name: a\nname: b\ncurrency: usd\n", "written twice"),
        ("name: a\ncurrency: usd\nplans: {'a b': {}}\n", "is no name"),
        ("name: a\ncurrency: usd\nplans: []\n", "must be a mapping"),
        ("name: a\ncurrency: usd\nprices: {}\n", "must be a list"),
        ("name: a\ncurrency: usd\nplans: {p: {trial_days: 1000}}\n", "from 0 to 730"),
        ("name: a\ncurrency: usd\nplans: {p: {limits: {a: -2}}}\n", "-1 or more"),
        ("name: a\ncurrency: usd\nplans: {p: {limits: {a: '-0.5'}}}\n", "-1 for unlimited"),
        ("name: a\ncurrency: usd\nplans: {p: {limits: {a: unlimited}}}\n", "-1 for unlimited"),
        ("name: a\ncurrency: usd\nlinks: 'true'\n", "Write true or false here, without quotes"),
        ("name: a\ncurrency: usd\nlinks: [pro]\n", "Write true or false here"),
        ("name: a\ncurrency: usd\nlinks:\n", "not nothing"),
        ("name: a\ncurrency: usd\nportal: yes\n", "must be a mapping"),
        ("name: a\ncurrency: usd\nportal: {title: Bills}\n", "'title' is unknown"),
        ("name: a\ncurrency: usd\nportal: {headline: [a]}\n", "must be a text"),
        ("name: a\ncurrency: usd\nportal: {privacy_policy_url: a.test/b}\n", "is no address"),
        (
            "name: a\ncurrency: usd\nportal: {privacy_policy_url: 'javascript:alert(1)'}\n",
            "no address",
        ),
        (
            "name: a\ncurrency: usd\nportal: {privacy_policy_url: 'https://u:p@a.test'}\n",
            "no address",
        ),
        ("name: a\ncurrency: usd\nportal: {privacy_policy_url: 'https:///a'}\n", "no address"),
        ("name: a\ncurrency: usd\nportal: {terms_of_service_url: ''}\n", "1 to 500"),
    ],
)
def test_a_section_that_cannot_be_is_refused(text: str, said: str) -> None:
    found = problems_of(text)
    assert any(said in problem for problem in found), found
