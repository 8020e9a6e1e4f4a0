"""`catalog plan` and `catalog apply` against a local Stripe, from the operator's chair."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.interfaces.commands import Done, Run, told

from tallygate.adapters.stripe import open_client
from tallygate_sandbox.testing import running_sandbox

KEY = "sk_test_operator"


@pytest.fixture
def stripe() -> Iterator[dict[str, str]]:
    """The settings of an account at a local Stripe."""
    with running_sandbox() as sandbox:
        yield {"STRIPE_SECRET_KEY": KEY, "STRIPE_API_BASE": sandbox.url}


def numbered(done: Done) -> list[str]:
    return [line for line in done.stdout.splitlines() if line.strip()[:1].isdigit()]


def test_what_would_be_done_is_done_on_commit_and_then_nothing(
    run: Run, stripe: dict[str, str]
) -> None:
    run("db", "upgrade")
    plan = ("catalog", "plan", "catalog.yaml")
    foreseen = numbered(run(*plan, code=2, env=stripe))
    assert foreseen[0] == "  1. Create the product tallygate_plan_small, named 'Small'."
    dry = run("catalog", "apply", code=2, env=stripe)
    assert numbered(dry) == foreseen
    assert "This would be version 1" in dry.stdout
    done = run("catalog", "apply", "--commit", env=stripe)
    assert numbered(done) == foreseen
    assert "Version 1 is in force" in done.stdout
    for words in (plan, ("catalog", "apply"), ("catalog", "apply", "--commit")):
        again = run(*words, env=stripe)
        assert numbered(again) == []
        assert "holds it already" in again.stdout


def test_a_plan_for_a_program(run: Run, stripe: dict[str, str], tmp_path: Path) -> None:
    run("catalog", "apply", "--commit", env=stripe)
    text = (tmp_path / "catalog.yaml").read_text("utf-8")
    (tmp_path / "catalog.yaml").write_text(text.replace('"29.00"', '"31.00"'), "utf-8")
    shown = told(run("catalog", "plan", "--json", code=2, env=stripe))
    assert shown["provider"] == f"Stripe (test mode, {stripe['STRIPE_API_BASE']})"
    kinds = [(step["number"], step["kind"], step["keeping"]) for step in shown["steps"]]
    assert kinds == [(1, "create_price", 0), (2, "archive_price", None)]
    assert (shown["obstacles"], shown["notes"]) == ([], [])


def test_a_publication_that_failed_is_finished_by_the_next(
    run: Run, stripe: dict[str, str]
) -> None:
    """The version is in force, and what Stripe lacks is found again."""
    done = run("catalog", "apply", "--commit", env=stripe)
    steps = len(numbered(done))
    with running_sandbox() as other:
        elsewhere = stripe | {"STRIPE_API_BASE": other.url}
        assert len(numbered(run("catalog", "apply", code=2, env=elsewhere))) == steps
        again = run("catalog", "apply", "--commit", env=elsewhere)
        assert "in force already" in again.stdout
        assert len(numbered(again)) == steps


def test_an_obstacle_ends_with_a_code_of_its_own(run: Run, stripe: dict[str, str]) -> None:
    run("catalog", "apply", "--commit", env=stripe)
    client = open_client(KEY, stripe["STRIPE_API_BASE"])
    client.v1.coupons.delete("EARLY")
    client.v1.coupons.create({"id": "EARLY", "percent_off": 50, "duration": "once"})
    said = run("catalog", "plan", code=3, env=stripe).stderr
    assert "warning: The coupon EARLY is another one there (duration, percent_off)" in said


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({}, "No payment provider is set: set STRIPE_SECRET_KEY"),
        ({"STRIPE_SECRET_KEY": ""}, "STRIPE_SECRET_KEY: it is empty"),
        ({"STRIPE_SECRET_KEY": "sk_test_..."}, "STRIPE_SECRET_KEY: it is no secret key"),
        ({"STRIPE_SECRET_KEY": "sk_test_1", "STRIPE_API_KEY": "sk_test_2"}, "they differ"),
    ],
)
def test_without_stripe_it_says_what_is_missing(run: Run, env: dict[str, str], said: str) -> None:
    run("catalog", "apply", "--commit")
    done = run("catalog", "plan", code=1, env=env)
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_where_stripe_is_away_nothing_is_stored(run: Run) -> None:
    away = {"STRIPE_SECRET_KEY": "sk_test_1", "STRIPE_API_BASE": "http://127.0.0.1:9"}
    run("db", "upgrade")
    done = run("catalog", "apply", "--commit", code=1, env=away)
    assert done.stderr.startswith("error: Stripe cannot be reached")
    assert len(done.stderr.splitlines()) == 1
    assert "This would be version 1" in run("catalog", "apply", code=2).stdout


def test_the_addresses_are_told(run: Run, stripe: dict[str, str], tmp_path: Path) -> None:
    run("db", "upgrade")
    assert "write `links: true`" in run("catalog", "links", env=stripe).stdout
    text = (tmp_path / "catalog.yaml").read_text("utf-8")
    (tmp_path / "catalog.yaml").write_text(f"{text}links: true\n", "utf-8")
    assert told(run("catalog", "links", "--json", code=2, env=stripe)) == []
    done = run("catalog", "apply", "--commit", env=stripe)
    links = told(run("catalog", "links", "--json", env=stripe))
    sold = [(one["plan"], one["interval"]) for one in links]
    assert sold == [("small", "month"), ("small", "year"), ("large", "month")]
    link = links[0]
    assert link["url"].startswith(stripe["STRIPE_API_BASE"])
    assert f"small by the month: {link['url']}" in done.stdout
    assert link["url"] in run("catalog", "links", env=stripe).stdout
    assert told(run("catalog", "plan", "--json", env=stripe))["links"] == links
    elsewhere = stripe | {"TALLYGATE_SUCCESS_URL": "https://shop.test/thanks"}
    assert told(run("catalog", "links", "--json", code=2, env=elsewhere)) == links
    wrong = stripe | {"TALLYGATE_SUCCESS_URL": "shop.test/thanks"}
    assert (
        "TALLYGATE_SUCCESS_URL: write the address"
        in run("catalog", "links", code=1, env=wrong).stderr
    )


def subscribed(run: Run, name: str, plan: str) -> str:
    body = json.dumps({"name": name, "external_id": name})
    account = told(run("api", "POST", "/v1/organizations", body))["billing_account"]
    wish = json.dumps({"billing_account": account, "plan": plan})
    run("api", "POST", "/v1/subscriptions", wish)
    return str(account)


def test_subscribers_move_when_they_are_told_to(run: Run, tmp_path: Path) -> None:
    run("catalog", "apply", "--commit")
    small, large = subscribed(run, "acme", "small"), subscribed(run, "globex", "large")
    assert "Nobody is left to move to version 1." in run("catalog", "move", "--all").stdout
    text = (tmp_path / "catalog.yaml").read_text("utf-8")
    (tmp_path / "catalog.yaml").write_text(text.replace('"29.00"', '"31.00"'), "utf-8")
    run("catalog", "apply", "--commit")
    dry = run("catalog", "move", "1", "--plan", "small", code=2)
    assert all(said in dry.stdout for said in (small, "29.00 USD", "31.00 USD", "would move"))
    assert large not in dry.stdout
    shown = told(run("catalog", "move", "--all", "--json", code=2))
    assert [(one["before"], one["after"]) for one in shown["moved"]] == [
        ("29", "31"),
        ("99", "99"),
    ]
    assert (shown["newest"], shown["staying"]) == (2, [])
    done = run("catalog", "move", "1", "--plan", "small", "--commit")
    assert "1 subscription will move to version 2." in done.stdout
    again = told(run("catalog", "move", "--all", "--json", code=2))
    assert [one["billing_account"] for one in again["moved"]] == [large]
    without = text.partition("  large:")
    rest = without[2][without[2].index("prices:\n  - {key: vm") :]
    (tmp_path / "catalog.yaml").write_text(without[0] + rest, "utf-8")
    run("catalog", "apply", "--commit")
    stays = run("catalog", "move", "--all", "--commit", code=3)
    assert f"of {large} stays: There is no plan 'large'." in stays.stderr


@pytest.mark.parametrize("words", [(), ("1", "--all")])
def test_whom_to_move_has_to_be_said(run: Run, words: tuple[str, ...]) -> None:
    run("catalog", "apply", "--commit")
    assert "Say whom to move" in run("catalog", "move", *words, code=1).stderr


def test_who_keeps_a_price_is_told_how_to_be_moved(
    run: Run, stripe: dict[str, str], tmp_path: Path
) -> None:
    run("catalog", "apply", "--commit", env=stripe)
    subscribed(run, "acme", "small")
    text = (tmp_path / "catalog.yaml").read_text("utf-8")
    (tmp_path / "catalog.yaml").write_text(text.replace('"29.00"', '"31.00"'), "utf-8")
    done = run("catalog", "apply", "--commit", env=stripe)
    assert "1 live subscription keeps the price it has." in done.stdout
    assert "`tallygate catalog move --all` shows who could come to the new prices." in done.stderr
