"""Random lives, billed by the sandbox and by an oracle that shares nothing with it."""

import pytest
from stripe import StripeClient
from tests.sandbox.conftest import StrictClient
from tests.sandbox.oracle.lives import Life

from tallygate_sandbox.testing import running_sandbox

LIVES = 40  # `python -m tests.sandbox.oracle.campaign 1000 600` looks at more


def disagreements(seed: int) -> list[str]:
    """What the sandbox and the oracle say differently of one life, and what led to it."""
    with running_sandbox(frozen=1_767_225_600) as sandbox:
        client = StripeClient(
            "sk_test_oracle", base_addresses=sandbox.addresses, http_client=StrictClient()
        )
        return Life(seed, sandbox, client).live()


@pytest.mark.parametrize("seed", range(LIVES))
def test_every_invoice_is_what_the_oracle_says(seed: int) -> None:
    assert disagreements(seed) == []
