"""What may be set, and what of it is asked for where?"""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from tallygate.config import checks
from tallygate.config.price_ids import PRICE_IDS, PriceIds
from tallygate.core.errors import Invalid
from tallygate.workflows.installation import Cadence, Settings

PREFIX = "TALLYGATE_"
DEFAULT_PORT = 8321
MEANT_TO_BE_SET = frozenset(
    ("secret", "stripe_secret_key", "stripe_api_key", "stripe_webhook_secret")
)
"""Empty, these are refused: somebody meant to set one."""


def _secretly(check: Any) -> AfterValidator:
    """The check of a text, for one that is masked."""
    return AfterValidator(lambda masked: SecretStr(check(masked.get_secret_value())))


StripeKey = Annotated[SecretStr, _secretly(checks.stripe_key)]
Page = Annotated[str, AfterValidator(checks.page)]


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

    database_url: Annotated[SecretStr, _secretly(checks.database_url)] = Field(
        default=SecretStr("sqlite:///tallygate.db"),
        description="Where everything is kept: sqlite:///FILE or postgresql://USER@HOST/NAME.",
    )
    catalog: Path | None = Field(default=None, description="The YAML file with the price list.")
    host: str = Field(default="127.0.0.1", description="The address that `serve` listens on.")
    port: int = Field(default=DEFAULT_PORT, ge=0, le=65535, description="The port of `serve`.")
    secret: Annotated[SecretStr, _secretly(checks.secret)] | None = Field(
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
    stripe_secret_key: StripeKey | None = Field(
        default=None,
        validation_alias="STRIPE_SECRET_KEY",
        description="The secret key of the Stripe account; left out: nothing is collected there.",
    )
    stripe_api_key: StripeKey | None = Field(
        default=None,
        validation_alias="STRIPE_API_KEY",
        description="Another name of STRIPE_SECRET_KEY.",
    )
    stripe_api_base: Annotated[str, AfterValidator(checks.base)] | None = Field(
        default=None,
        validation_alias="STRIPE_API_BASE",
        description="The address of a local Stripe, instead of Stripe's own.",
    )
    clock: Annotated[str, AfterValidator(checks.base_here)] | None = Field(
        default=None,
        description="The address of a sandbox on this machine whose clock is ours; for tests.",
    )
    stripe_publishable_key: Annotated[str, AfterValidator(checks.publishable_key)] | None = Field(
        default=None,
        validation_alias="STRIPE_PUBLISHABLE_KEY",
        description="The account's key for pages in a browser.",
    )
    stripe_price_ids: Annotated[Mapping[str, str], AfterValidator(checks.price_ids)] = Field(
        default_factory=dict,
        validation_alias=PRICE_IDS,
        description="Ids of prices at Stripe, by the key of a plan or a price in small letters.",
    )
    success_url: Page | None = Field(
        default=None, description="Where a customer arrives who has subscribed at Stripe."
    )
    cancel_url: Page | None = Field(
        default=None, description="Where a customer arrives who left Stripe's page instead."
    )
    portal_return_url: Page | None = Field(
        default=None, description="Where the way back from Stripe's customer portal leads."
    )
    sync_every: Cadence = Field(
        default="hourly", description="How often usage is reported to Stripe."
    )
    automatic_tax: bool = Field(
        default=False, description="Whether Stripe Tax computes taxes on new subscriptions."
    )
    start_free: bool = Field(
        default=True,
        description="Whether a new organization begins on the first plan that costs nothing.",
    )
    unpaid_days: int = Field(
        default=14,
        ge=0,
        le=400,
        description="How long resources run whose payer has bought nothing, before no more come.",
    )
    hold_hours: int = Field(
        default=6,
        ge=1,
        le=48,
        description="How long an unconfirmed draft waits before an operator is asked.",
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
        return None if key is None else checks.is_live(key.get_secret_value())

    @property
    def stripe_key(self) -> SecretStr | None:
        """The key of the Stripe account, by whichever of its names it was given."""
        return self.stripe_secret_key or self.stripe_api_key

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
            price_ids=dict(self.stripe_price_ids),
            success_url=self.success_url,
            cancel_url=self.cancel_url,
            portal_return_url=self.portal_return_url,
            sync_every=self.sync_every,
            automatic_tax=self.automatic_tax,
            hold=timedelta(hours=self.hold_hours),
            collects=self.stripe_key is not None,
            start_free=self.start_free,
            unpaid_for=timedelta(days=self.unpaid_days),
        )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment before the file, and their variables with names of the operator's."""
        del file_secret_settings
        price_ids = PriceIds(settings_cls, (dotenv_settings, env_settings))
        return init_settings, price_ids, env_settings, dotenv_settings

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
        public = self.stripe_publishable_key
        modes = {checks.is_live(key) for key in (*given, public) if key}
        if len(modes) > 1:
            raise ValueError(
                "STRIPE_PUBLISHABLE_KEY: it is of another mode than the secret key: take both "
                "from the same page of Stripe's dashboard"
            )
        if self.stripe_api_base is not None and True in modes:
            raise ValueError(
                "STRIPE_API_BASE: it names a local Stripe, and the key is a live one: leave "
                "STRIPE_API_BASE out, or use a test key"
            )
        if self.clock is not None and True in modes:
            raise ValueError(
                "TALLYGATE_CLOCK: it names a clock that can be moved, and the key is a live one, "
                "so that customers would pay before their time: leave TALLYGATE_CLOCK out, or use "
                "a test key"
            )
        return self

    @model_validator(mode="after")
    def _signing_secrets_are_such(self) -> "Config":
        may_be_short = self.stripe_api_base is not None
        checks.signing_secrets(self.signing_secrets, may_be_short=may_be_short)
        return self


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
