"""How does an account stand, under the names that a platform of rented machines has for it?

Its document names the columns of a table (`stripe_customer_id`, `plan_tier`, `usage_budget_cuh`
...). They are read from what is kept here, whenever they are asked for; there is no second table.
"""

from dataclasses import asdict

from pydantic import Field
from starlette.responses import Response

from tallygate.collection.platform_rows import BillingStatus, account_row
from tallygate.interfaces.api.callers import By, Here
from tallygate.interfaces.api.named_paths import Organization, User, whose
from tallygate.interfaces.api.numbers import Number, numbered
from tallygate.interfaces.api.purchases import located
from tallygate.interfaces.api.routes import SEES_BILLING, guarded_router
from tallygate.interfaces.api.wire import Instant, Shape
from tallygate.workflows.account_known import account_known

router = guarded_router("/api/v1/billing/account", "billing")


class AccountShape(Shape):
    """A billing account, its subscription, its budget of usage and its oldest machine."""

    account_id: str
    stripe_customer_id: str | None
    stripe_subscription_id: str | None
    plan_tier: str | None = Field(description="The plan's key.", examples=["starter"])
    billing_status: BillingStatus | None = Field(
        description="null: no subscription, and none is being bought."
    )
    usage_budget_cuh: Number | None = Field(
        description="What the plan includes of the meter `cuh` in a period."
    )
    last_usage_sync_at: Instant | None
    vm_id: str | None = Field(description="Our id of the oldest resource that it pays for.")
    provider_vm_id: str | None = Field(description="The platform's own id of that resource.")


@router.get(
    "", response_model=AccountShape, summary="Read the account", openapi_extra=SEES_BILLING
)
def get_billing_account_row(
    here: Here, caller: By, organization: Organization = None, user: User = None
) -> Response:
    """The organization's own account, or the one that is named, as it stands now."""
    account = located(here, caller, whose(caller, organization, user))
    row = asdict(account_row(account_known(here, account, user)))
    return numbered(AccountShape(**{name: row[name] for name in AccountShape.model_fields}))
