"""Who is there, and who pays for what, since when?

Owns: organizations, projects, members, billing accounts and resources as values; the fold from a
resource's life to its states; which organization a project was part of, when; the stretches of
time for which a billing account pays; what a role may do.

Does not own: what anything costs, what a plan allows, or how any of it is stored.

Laws: a tenant is an organization. A resource's states follow from its life events, in whatever
order they arrive. At every instant a project is part of exactly one organization, and exactly one
billing account, of that organization, pays for it.
"""

from tallygate.accounts.life import LifeEvent, fold_life
from tallygate.accounts.payers import Stretch, payer_at, stretches
from tallygate.accounts.rights import Right, may, whom_to_ask

__all__ = [
    "LifeEvent",
    "Right",
    "Stretch",
    "fold_life",
    "may",
    "payer_at",
    "stretches",
    "whom_to_ask",
]
