"""Settings come from the environment, and a wrong one is refused with its name."""

from datetime import timedelta
from pathlib import Path

import pytest

from tallygate.app import open_installation, open_verifier
from tallygate.config import load_config
from tallygate.core.errors import Conflict, Invalid, Unreachable

SECRET = "5d41402abc4b2a76b9719d911017c592"  # noqa: S105  # a made-up one


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_defaults_are_a_local_file_and_the_loopback() -> None:
    config = load_config()
    assert config.database_url.get_secret_value() == "sqlite:///tallygate.db"
    assert (config.host, config.port) == ("127.0.0.1", 8321)
    assert config.settings().close_delay == timedelta(minutes=30)


def test_the_environment_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALLYGATE_CLOSE_DELAY_MINUTES", "5")
    monkeypatch.setenv("TALLYGATE_ACCEPTED_PAST_DAYS", "31")
    monkeypatch.setenv("TALLYGATE_SECRET", SECRET)
    settings = load_config().settings()
    assert settings.close_delay == timedelta(minutes=5)
    assert settings.accept_past == timedelta(days=31)
    assert settings.secret == SECRET


def test_a_file_may_hold_the_settings(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("TALLYGATE_PORT=9000\nUNRELATED=1\n", "utf-8")
    assert load_config().port == 9000


def test_an_empty_variable_is_not_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CATALOG", "HOST", "PORT", "DATABASE_URL"):
        monkeypatch.setenv(f"TALLYGATE_{name}", "")
    (tmp_path / ".env").write_text("TALLYGATE_MAX_BATCH=\n", "utf-8")
    config = load_config()
    assert (config.catalog, config.host, config.port) == (None, "127.0.0.1", 8321)
    assert config.database_url.get_secret_value() == "sqlite:///tallygate.db"
    assert config.max_batch == 10_000


@pytest.mark.parametrize(
    "secret", ["", "   ", "short", "changeme-changeme-changeme", "x" * 40, "your-secret-goes-here"]
)
def test_an_empty_or_placeholder_secret_refuses_to_start(
    secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALLYGATE_SECRET", secret)
    with pytest.raises(Invalid, match="TALLYGATE_SECRET"):
        load_config()


def test_secrets_are_masked_wherever_settings_are_printed() -> None:
    url = "postgresql://billing:hunter22hunter22@db/tallygate"
    config = load_config(secret=SECRET, database_url=url)
    for shown in (repr(config), str(config), str(config.model_dump()), repr(config.settings())):
        assert SECRET not in shown
        assert "hunter22" not in shown


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///:memory:?synchronous=FULL",
        "sqlite://?synchronous=FULL",
        "sqlite://tallygate.db",
    ],
)
def test_a_database_in_memory_is_for_tests_alone(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALLYGATE_DATABASE_URL", url)
    with pytest.raises(Invalid, match="TALLYGATE_DATABASE_URL: a database in memory forgets"):
        load_config()


def test_what_is_wrong_is_said_without_the_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALLYGATE_DATABASE_URL", "mysql://u:hunter22@db/x")
    monkeypatch.setenv("TALLYGATE_PORT", "eighty")
    with pytest.raises(Invalid) as caught:
        load_config()
    sentence = str(caught.value)
    assert "TALLYGATE_DATABASE_URL" in sentence
    assert "TALLYGATE_PORT" in sentence
    assert "hunter22" not in sentence


def test_a_sqlite_file_is_made_on_request_and_brought_up_to_date(tmp_path: Path) -> None:
    config = load_config(database_url=f"sqlite:///{tmp_path}/billing.db")
    with pytest.raises(Unreachable, match="no database at"), open_installation(config):
        pass
    (tmp_path / "billing.db").touch()
    with pytest.raises(Conflict, match="no tables yet"), open_installation(config):
        pass
    with open_installation(config, create=True) as installation:
        assert installation.now.tzinfo is not None
    with open_installation(config) as installation:
        assert installation.ids.new("org").startswith("org_")


def test_how_often_serve_closes_may_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_config().close_every_minutes == 1
    monkeypatch.setenv("TALLYGATE_CLOSE_EVERY_MINUTES", "0")
    assert load_config().close_every_minutes == 0
    monkeypatch.setenv("TALLYGATE_CLOSE_EVERY_MINUTES", "-1")
    with pytest.raises(Invalid, match="TALLYGATE_CLOSE_EVERY_MINUTES"):
        load_config()


@pytest.fixture
def _no_stripe(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STRIPE_SECRET_KEY", "STRIPE_API_KEY", "STRIPE_API_BASE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("_no_stripe")
@pytest.mark.parametrize("name", ["STRIPE_SECRET_KEY", "STRIPE_API_KEY"])
def test_stripes_key_has_two_names(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_config().stripe_key is None
    monkeypatch.setenv(name, " sk_test_51Abc\n")
    config = load_config()
    assert config.stripe_key is not None
    assert config.stripe_key.get_secret_value() == "sk_test_51Abc"
    for shown in (repr(config), str(config), str(config.model_dump()), config.model_dump_json()):
        assert "51Abc" not in shown


@pytest.mark.usefixtures("_no_stripe")
@pytest.mark.parametrize(
    "key",
    [
        *("", "  ", "sk_test_", "sk_test_...", "sk_live_your-key", "sk_test_xxx changeme"),
        *("pk_test_51Abc", "whsec_51Abc", "51Abc", "sk_test_51Äbc"),
    ],
)
def test_what_is_no_key_of_stripes_refuses_to_start(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRIPE_SECRET_KEY", key)
    with pytest.raises(
        Invalid, match=r"^A setting is wrong\. STRIPE_SECRET_KEY: it is "
    ) as caught:
        load_config()
    assert "51" not in str(caught.value)


@pytest.mark.usefixtures("_no_stripe")
def test_one_account_is_set_and_a_live_key_goes_to_stripe_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_test_51Abc")
    monkeypatch.setenv("STRIPE_API_KEY", "sk_test_51Abc")
    monkeypatch.setenv("STRIPE_API_BASE", "http://127.0.0.1:12111/")
    assert load_config().stripe_api_base == "http://127.0.0.1:12111"
    monkeypatch.setenv("STRIPE_API_KEY", "sk_test_52Abc")
    with pytest.raises(Invalid, match="one setting, and they differ"):
        load_config()
    for kind in ("sk", "rk"):
        monkeypatch.setenv("STRIPE_SECRET_KEY", f"{kind}_live_51Abc")
        monkeypatch.delenv("STRIPE_API_KEY", raising=False)
        with pytest.raises(Invalid, match="STRIPE_API_BASE: it names a local Stripe"):
            load_config()
    for address in ("127.0.0.1:12111", "ftp://x", "http://", "http://x/v1"):
        monkeypatch.setenv("STRIPE_API_BASE", address)
        with pytest.raises(Invalid, match="STRIPE_API_BASE: write an address"):
            load_config()
    monkeypatch.setenv("STRIPE_API_BASE", "")
    assert load_config().stripe_api_base is None


SIGNING = "whsec_3kq8Zx1vT5bYp0LmWc7dRf2u"
OLD_SIGNING = "whsec_9aQ4hN6sXe1yBt8GvJ0kUi5o"


def test_signing_secrets_are_several_while_one_is_exchanged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert load_config().signing_secrets == ()
    assert open_verifier(load_config()) is None
    monkeypatch.setenv("STRIPE_WEBHOOK_SECRET", f"{SIGNING}, {OLD_SIGNING},{SIGNING}")
    config = load_config()
    assert config.signing_secrets == (SIGNING, OLD_SIGNING)
    shown = f"{config!r} {config} {config.model_dump()} {open_verifier(config)!r}"
    assert SIGNING not in shown
    assert OLD_SIGNING not in shown


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "   ",
        ",",
        f"{SIGNING},",
        "whsec_",
        "whsec_...",
        "whsec_xxxxxxxxxxxxxxxxxxxxxxxx",
        "whsec_your_webhook_secret_here",
        "whsec_your_signing_key_0123456789",
        "whsec_placeholder0123456789",
        "whsec_secret",
        "whsec_short",
        "sk_test_3kq8Zx1vT5bYp0LmWc7dRf2u",
        SIGNING.removeprefix("whsec_"),
        f"{SIGNING} {OLD_SIGNING}",
        ",".join(f"{SIGNING}{number}" for number in range(9)),
    ],
)
def test_an_empty_or_placeholder_signing_secret_refuses_to_start(
    secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRIPE_WEBHOOK_SECRET", secret)
    with pytest.raises(Invalid, match="STRIPE_WEBHOOK_SECRET") as caught:
        load_config()
    assert SIGNING not in str(caught.value)
    assert "TALLYGATE_" not in str(caught.value)


def test_an_empty_signing_secret_in_a_file_refuses_to_start(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("STRIPE_WEBHOOK_SECRET=\n", "utf-8")
    with pytest.raises(Invalid, match="STRIPE_WEBHOOK_SECRET: it is empty"):
        load_config()


def test_a_local_stripe_may_have_a_short_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_WEBHOOK_SECRET", "whsec_local")
    monkeypatch.setenv("STRIPE_API_BASE", "http://127.0.0.1:12111")
    assert load_config().signing_secrets == ("whsec_local",)


@pytest.mark.parametrize(
    ("key", "live"),
    [(None, None), ("sk_test_1a2b3c4d5e", False), ("rk_live_" + "1a2b3c", True)],
)
def test_the_mode_is_that_of_the_key(
    key: str | None, live: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if key is not None:
        monkeypatch.setenv("STRIPE_SECRET_KEY", key)
    assert load_config().stripe_is_live is live
