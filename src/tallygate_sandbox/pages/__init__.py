"""What people see: checkout, payment links, the portal, invoices and their PDF, and the page at /.

Owns: the pages' addresses, their templates and style, and their guard: a strict content security
policy, posts from the same origin only, everything escaped.

Does not own: what happens when a button is pressed. A page calls the room that does it, in one
transaction, and shows what came of it.

Laws: a page works without scripts; it says that no money moves; it takes nothing from elsewhere.
"""

from tallygate_sandbox.pages import (
    checkout_pages,
    credit_note_pages,
    dashboard,
    invoice_pages,
    link_pages,
    plan_pages,
    portal_pages,
    three_d_secure,
    tools,
)
from tallygate_sandbox.pages.web import routes

__all__ = [
    "checkout_pages",
    "credit_note_pages",
    "dashboard",
    "invoice_pages",
    "link_pages",
    "plan_pages",
    "portal_pages",
    "routes",
    "three_d_secure",
    "tools",
]
