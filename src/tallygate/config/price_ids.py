"""Which prices at Stripe does the environment name?

`STRIPE_PRICE_ID_STARTER` and its kin: what follows the prefix is a key of the operator's own
catalog, so that no list of these variables could be complete.
"""

from typing import Any

from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
)

PRICE_IDS = "STRIPE_PRICE_ID_"


class PriceIds(PydanticBaseSettingsSource):
    """The variables that name prices, out of other sources; a later one has the last word."""

    def __init__(
        self, settings: type[BaseSettings], sources: tuple[PydanticBaseSettingsSource, ...]
    ) -> None:
        super().__init__(settings)
        self._sources = [one for one in sources if isinstance(one, EnvSettingsSource)]

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        """Nothing: what is found belongs to one field, whatever its names."""
        del field
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """Every such variable that is not empty, by the rest of its name in small letters."""
        prefix = PRICE_IDS.lower()
        found = {
            name.lower().removeprefix(prefix): value.strip()
            for source in self._sources
            for name, value in source.env_vars.items()
            if value and name.lower().startswith(prefix)
        }
        return {PRICE_IDS: found} if found else {}
