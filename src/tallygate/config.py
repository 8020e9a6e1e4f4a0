"""What is set from outside?

Everything that an operator may choose, read from the environment (and from a file `.env` in the
working directory). A variable that is empty counts as not set. A wrong value is refused at the
start, with the name of the variable. Secrets are masked wherever a setting is printed; an empty
secret, or a placeholder out of an example, is refused: somebody meant to set one.
"""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from tallygate.core.errors import Invalid
from tallygate.workflows.installation import Settings

PREFIX = "TALLYGATE_"
DEFAULT_PORT = 8321
MIN_SECRET = 16
STRIPE_KEYS = ("sk_test_", "sk_live_", "rk_test_", "rk_live_")
MEANT_TO_BE_SET = frozenset(
    ("secret", "stripe_secret_key", "stripe_api_key", "stripe_webhook_secret")
)
"""Empty, these are refused: somebody meant to set one."""

SIGNING_PREFIX = "whsec_"
MAX_SIGNING_SECRETS = 8
IN_MEMORY = frozenset(("sqlite:///", "sqlite:///:memory:"))

_PLACEHOLDER = re.compile(
    r"(?i)change[-_ ]?me|placeholder|example|your[-_ ]|secret$|^x+$|^<.*>$|\.\.\.|^(.)\1*$|dummy"
)


class Config(BaseSettings):
    """The settings of one process."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        extra="ignore",
        hide_input_in_errors=True,
        frozen=True,
        validate_by_name=True,
    )

    database_url: SecretStr = Field(
        default=SecretStr("sqlite:///tallygate.db"),
        description="Where everything is kept: sqlite:///FILE or postgresql://USER@HOST/NAME.",
    )
    catalog: Path | None = Field(default=None, description="The YAML file with the price list.")
    host: str = Field(default="127.0.0.1", description="The address that `serve` listens on.")
    port: int = Field(default=DEFAULT_PORT, ge=0, le=65535, description="The port of `serve`.")
    secret: SecretStr | None = Field(
        default=None,
        description="Keys the hashes of API keys; left out: one that the database keeps.",
    )
    close_delay_minutes: int = Field(
        default=30, ge=0, le=1440, description="How long a close waits for late events."
    )
    close_every_minutes: int = Field(
        default=1,
        ge=0,
        le=1440,
        description="How often `serve` closes what is due; 0: never, `invoice close` does.",
    )
    accepted_past_days: int = Field(
        default=400, ge=1, le=4000, description="How old an event may be when it arrives."
    )
    accepted_ahead_minutes: int = Field(
        default=5, ge=0, le=60, description="How far ahead of the clock an event may be."
    )
    one_off_threshold: int = Field(
        default=5000,
        ge=0,
        description="From how many minor units on a late adjustment gets an invoice of its own.",
    )
    max_body_bytes: int = Field(
        default=4 * 1024 * 1024, ge=1024, le=64 * 1024 * 1024, description="The largest batch."
    )
    max_batch: int = Field(
        default=10_000, ge=1, le=100_000, description="The most events of one request."
    )
    stripe_secret_key: SecretStr | None = Field(
        default=None,
        validation_alias="STRIPE_SECRET_KEY",
        description="The secret key of the Stripe account; left out: nothing is collected there.",
    )
    stripe_api_key: SecretStr | None = Field(
        default=None,
        validation_alias="STRIPE_API_KEY",
        description="Another name of STRIPE_SECRET_KEY.",
    )
    stripe_api_base: str | None = Field(
        default=None,
        validation_alias="STRIPE_API_BASE",
        description="The address of a local Stripe, instead of Stripe's own.",
    )

    stripe_webhook_secret: SecretStr | None = Field(
        default=None,
        validation_alias="STRIPE_WEBHOOK_SECRET",
        description="The endpoint's signing secret, or several while one is exchanged: commas.",
    )

    @property
    def signing_secrets(self) -> tuple[str, ...]:
        """The secrets that Stripe signs its webhooks with; none where webhooks are refused."""
        given = self.stripe_webhook_secret
        texts = () if given is None else given.get_secret_value().split(",")
        return tuple(dict.fromkeys(text.strip() for text in texts))

    @property
    def stripe_is_live(self) -> bool | None:
        """Whether the account's key is of the live mode; None where no key is set."""
        key = self.stripe_key
        return None if key is None else "_live_" in key.get_secret_value()[:8]

    @property
    def stripe_key(self) -> SecretStr | None:
        """The key of the Stripe account, by whichever of its names it was given."""
        return self.stripe_secret_key or self.stripe_api_key

    @model_validator(mode="before")
    @classmethod
    def _empty_is_not_set(cls, given: Any) -> Any:
        return {
            name: value
            for name, value in dict(given).items()
            if value != "" or name.lower() in MEANT_TO_BE_SET
        }

    @model_validator(mode="after")
    def _stripe_is_one_account(self) -> "Config":
        names = (self.stripe_secret_key, self.stripe_api_key)
        given = {one.get_secret_value() for one in names if one is not None}
        if len(given) > 1:
            raise ValueError(
                "STRIPE_SECRET_KEY and STRIPE_API_KEY are one setting, and they differ: "
                "leave one of them out"
            )
        if self.stripe_api_base is not None and any("_live_" in one[:8] for one in given):
            raise ValueError(
                "STRIPE_API_BASE: it names a local Stripe, and the key is a live one: leave "
                "STRIPE_API_BASE out, or use a test key"
            )
        return self

    @field_validator("stripe_secret_key", "stripe_api_key")
    @classmethod
    def _stripe_key_is_one(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        text = value.get_secret_value().strip()
        if not text:
            raise ValueError("it is empty: leave it out or set the account's secret key")
        if text.startswith("pk_"):
            raise ValueError("it is a publishable key: set the secret one, sk_...")
        if not re.fullmatch(rf"({'|'.join(STRIPE_KEYS)})[A-Za-z0-9_]+", text) or (
            _PLACEHOLDER.search(text)
        ):
            raise ValueError(
                "it is no secret key of Stripe's, or a placeholder: such a key begins with "
                "sk_test_, sk_live_, rk_test_ or rk_live_"
            )
        return SecretStr(text)

    @model_validator(mode="after")
    def _signing_secrets_are_such(self) -> "Config":
        secrets = self.signing_secrets
        if len(secrets) > MAX_SIGNING_SECRETS:
            raise ValueError(
                f"STRIPE_WEBHOOK_SECRET: it holds {len(secrets)} secrets, and "
                f"{MAX_SIGNING_SECRETS} are the most: take the old ones out"
            )
        for text in secrets:
            own = text.removeprefix(SIGNING_PREFIX)
            if own == text or not re.fullmatch(r"[!-~]+", own) or _PLACEHOLDER.search(own):
                raise ValueError(
                    "STRIPE_WEBHOOK_SECRET: it is empty, or a placeholder, or no signing secret "
                    f"of Stripe's: such a secret begins with {SIGNING_PREFIX}, and several are "
                    "parted by single commas"
                )
            if len(own) < MIN_SECRET and self.stripe_api_base is None:
                raise ValueError(
                    "STRIPE_WEBHOOK_SECRET: a secret so short can be guessed, and is no secret "
                    "of Stripe's; for a local Stripe set STRIPE_API_BASE too"
                )
        return self

    @field_validator("stripe_api_base")
    @classmethod
    def _stripe_base_is_an_address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/"):
            raise ValueError("write an address without a path, such as http://127.0.0.1:12111")
        return value.rstrip("/")

    @field_validator("secret")
    @classmethod
    def _secret_is_one(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        text = value.get_secret_value().strip()
        if not text:
            raise ValueError("it is empty: leave it out or set a random text")
        if len(text) < MIN_SECRET or _PLACEHOLDER.search(text):
            raise ValueError(
                f"it is a placeholder or shorter than {MIN_SECRET} characters: "
                "set a random text, for instance from `openssl rand -hex 32`"
            )
        return value

    @field_validator("database_url")
    @classmethod
    def _database_is_named(cls, value: SecretStr) -> SecretStr:
        text = value.get_secret_value()
        if not text.startswith(("sqlite://", "postgresql://", "postgres://", "postgresql+")):
            raise ValueError("write sqlite:///FILE or postgresql://USER@HOST/NAME")
        place = text.partition("?")[0]
        if place.startswith("sqlite:") and (
            not place.startswith("sqlite:///") or place in IN_MEMORY
        ):
            raise ValueError(
                "a database in memory forgets everything when its process ends, "
                "and sqlite:// with two slashes names no file: write sqlite:///FILE"
            )
        return value

    def settings(self) -> Settings:
        """What of all this the workflows ask for."""
        return Settings(
            close_delay=timedelta(minutes=self.close_delay_minutes),
            accept_past=timedelta(days=self.accepted_past_days),
            accept_future=timedelta(minutes=self.accepted_ahead_minutes),
            one_off_threshold=self.one_off_threshold,
            max_batch=self.max_batch,
            max_body_bytes=self.max_body_bytes,
            secret=self.secret.get_secret_value() if self.secret else "",
        )


def load_config(**overrides: Any) -> Config:
    """The settings of this process; `overrides` come before the environment.

    Raises:
        Invalid: a setting has a value that it cannot have; the sentence names the variable.
    """
    try:
        return Config(**overrides)
    except ValidationError as error:
        found = error.errors(include_input=False)
        sentences = [
            f"{_variable(one['loc'])}{str(one['msg']).removeprefix('Value error, ')}."
            for one in found
        ]
        raise Invalid("A setting is wrong. " + " ".join(sentences)) from None


def _variable(place: tuple[int | str, ...]) -> str:
    """How a sentence about a setting begins: the name of its variable; empty for several."""
    if not place:
        return ""
    name = str(place[0]).upper()
    return f"{name}: " if name.startswith("STRIPE_") else f"{PREFIX}{name}: "
