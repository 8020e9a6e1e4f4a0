"""What follows from a change of payer that was announced, once its instant has come?

The same as from one at once: the payment provider hears of the counts, and a payer whose plan
costs nothing begins a period with the first priced resource, as of that instant. What was done is
noted, so that each is done once.
"""

from tallygate.adapters.store import accounts
from tallygate.core.failpoints import failpoint
from tallygate.workflows.first_resource import resources_changed
from tallygate.workflows.installation import Installation


def take_effect(installation: Installation, organization: str) -> None:
    """Do what follows from an organization's announced changes whose instant has come."""
    now = installation.now
    with installation.store.write() as tx:
        resources_changed(tx, installation, [organization])
        accounts.took_effect(tx, organization, now)
        failpoint("announced.commit.before")
    failpoint("announced.commit.after")
