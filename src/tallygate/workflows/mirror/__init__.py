"""How the payment provider and we are kept the same.

What it decides is taken over, what we decide is told.

Owns: the order of looking and acting. `receive` and `settle` turn webhooks into marks on accounts;
`attend` looks at a marked account, has `adopt` take over what the provider decides, `agree` and
`dues` work out what is missing, `carry_out` and `charge` have it done, and looks again until
nothing is missing. `purchase` sells, `sync` reports usage, `decide` is the operator's word on an
invoice that is held, `reconcile` does for all accounts by hand what happens by itself otherwise,
and `price_list` has the provider hold what we sell. `witness` keeps a restored backup or a copy
from writing before a person has looked.

Does not own: what both sides should hold (`collection` works it out from values), how the provider
is asked (its adapter), what is billed at all (`close` and `change` beside this room).

Laws: nothing is done that a look has not shown to be missing; what is done is written down before
it is sent. Decisions 0012 and 0013 have the reasons.
"""
