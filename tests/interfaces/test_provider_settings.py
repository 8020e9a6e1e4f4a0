"""What concerns the payment provider is set by the names that the platforms know."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from tallygate.config import load_config
from tallygate.core.errors import Invalid


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("TALLYGATE_", "STRIPE_"))]:
        monkeypatch.delenv(name)


def test_helvetia_clouds_variables_are_read_as_they_are_listed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Row C2; the price ids are those of plans and of metered prices."""
    listed = {
        "STRIPE_SECRET_KEY": "sk_test_1Helvetia",
        "STRIPE_PUBLISHABLE_KEY": "pk_test_1Helvetia",
        "STRIPE_WEBHOOK_SECRET": "whsec_3kq8Zx1vT5bYp0LmWc7dRf2u",
        "STRIPE_PRICE_ID_STARTER": "price_1Starter",
        "STRIPE_PRICE_ID_PRO": "price_1Pro",
        "STRIPE_PRICE_ID_ENTERPRISE": "price_1Enterprise",
        "STRIPE_PRICE_ID_COMPUTE_HOURS": "price_1Compute",
        "STRIPE_PRICE_ID_MEMORY_GB_HOURS": "price_1Memory",
        "STRIPE_PRICE_ID_BANDWIDTH_GB": "price_1Bandwidth",
        "STRIPE_PRICE_ID_STORAGE_GB": "price_1Storage",
    }
    for name, value in listed.items():
        monkeypatch.setenv(name, value)
    config = load_config()
    assert config.stripe_publishable_key == "pk_test_1Helvetia"
    assert config.settings().price_ids == {
        "starter": "price_1Starter",
        "pro": "price_1Pro",
        "enterprise": "price_1Enterprise",
        "compute_hours": "price_1Compute",
        "memory_gb_hours": "price_1Memory",
        "bandwidth_gb": "price_1Bandwidth",
        "storage_gb": "price_1Storage",
    }


def test_magic_boxs_variables_are_read_as_they_are_listed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Row B12; those of one customer are in the database instead, and are no settings."""
    monkeypatch.setenv("STRIPE_API_KEY", "sk_live_" + "1MagicBox")
    monkeypatch.setenv("STRIPE_WEBHOOK_SECRET", "whsec_3kq8Zx1vT5bYp0LmWc7dRf2u")
    monkeypatch.setenv("STRIPE_CUSTOMER_ID", "cus_1")
    monkeypatch.setenv("STRIPE_SUBSCRIPTION_ITEM_COMPUTE", "si_1")
    config = load_config()
    assert config.stripe_is_live
    assert len(config.signing_secrets) == 1


def test_price_ids_stand_in_a_file_too_and_the_environment_goes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_config().settings().price_ids == {}
    (tmp_path / ".env").write_text(
        "STRIPE_PRICE_ID_PRO=price_1File\nSTRIPE_PRICE_ID_STARTER=price_1File\n", "utf-8"
    )
    monkeypatch.setenv("STRIPE_PRICE_ID_PRO", "price_1Environment")
    monkeypatch.setenv("STRIPE_PRICE_ID_ENTERPRISE", "")
    assert load_config().settings().price_ids == {
        "pro": "price_1Environment",
        "starter": "price_1File",
    }


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("STRIPE_PRICE_ID_PRO", "price_...", "STRIPE_PRICE_ID_: the one for PRO is no id of"),
        ("STRIPE_PRICE_ID_PRO", "prod_1Pro", "begins with price_"),
        ("STRIPE_PRICE_ID_PRO", "29.00", "begins with price_"),
        ("STRIPE_PUBLISHABLE_KEY", "sk_test_1Secret", "STRIPE_PUBLISHABLE_KEY: it is no publish"),
        ("STRIPE_PUBLISHABLE_KEY", "pk_test_...", "STRIPE_PUBLISHABLE_KEY: it is no publish"),
        ("TALLYGATE_SUCCESS_URL", "billing/done", "TALLYGATE_SUCCESS_URL: write the address"),
        ("TALLYGATE_SUCCESS_URL", "http://example.com/", "beginning with https://"),
        ("TALLYGATE_CANCEL_URL", "https://me:you@example.com/", "TALLYGATE_CANCEL_URL: write"),
        ("TALLYGATE_CANCEL_URL", "https:///plans", "TALLYGATE_CANCEL_URL: write"),
        ("TALLYGATE_PORTAL_RETURN_URL", "javascript:alert(1)", "PORTAL_RETURN_URL: write"),
        ("TALLYGATE_PORTAL_RETURN_URL", "https://example.com/a b", "PORTAL_RETURN_URL: write"),
        ("TALLYGATE_SYNC_EVERY", "weekly", "TALLYGATE_SYNC_EVERY: Input should be 'hourly', "),
        ("TALLYGATE_AUTOMATIC_TAX", "perhaps", "TALLYGATE_AUTOMATIC_TAX: "),
        ("TALLYGATE_HOLD_HOURS", "0", "TALLYGATE_HOLD_HOURS: "),
        ("TALLYGATE_HOLD_HOURS", "49", "TALLYGATE_HOLD_HOURS: "),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_name(
    name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(Invalid) as caught:
        load_config()
    assert said in str(caught.value)
    assert "1Secret" not in str(caught.value)


def test_keys_of_two_modes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_test_1Abc")
    monkeypatch.setenv("STRIPE_PUBLISHABLE_KEY", "pk_live_1Abc")
    with pytest.raises(Invalid, match="STRIPE_PUBLISHABLE_KEY: it is of another mode"):
        load_config()


def test_the_workflows_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    before = load_config().settings()
    assert (before.sync_every, before.automatic_tax) == ("hourly", False)
    assert before.hold == timedelta(hours=6)
    assert (before.success_url, before.cancel_url, before.portal_return_url) == (None, None, None)
    chosen = {
        "TALLYGATE_SUCCESS_URL": "https://example.com/done?session={CHECKOUT_SESSION_ID}",
        "TALLYGATE_CANCEL_URL": "http://localhost:3000/plans",
        "TALLYGATE_PORTAL_RETURN_URL": "https://example.com/billing",
        "TALLYGATE_SYNC_EVERY": "monthly",
        "TALLYGATE_AUTOMATIC_TAX": "true",
        "TALLYGATE_HOLD_HOURS": "12",
    }
    for name, value in chosen.items():
        monkeypatch.setenv(name, value)
    told = load_config().settings()
    assert told.success_url == chosen["TALLYGATE_SUCCESS_URL"]
    assert told.cancel_url == chosen["TALLYGATE_CANCEL_URL"]
    assert told.portal_return_url == chosen["TALLYGATE_PORTAL_RETURN_URL"]
    assert (told.sync_every, told.automatic_tax) == ("monthly", True)
    assert told.hold == timedelta(hours=12)
