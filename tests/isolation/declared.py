"""What an operation's parameters are, as far as its schema does not say it.

Every text that a request may carry is here: an id, or a word. A new one must be declared, or
`contract.py` tells which, and says what to declare.
"""

from typing import Any

from tallygate.accounts.rights import Right

IDS = {
    "organization": "organization",
    "organizationId": "organization",
    "userId": "organization",
    "billing_account": "billing_account",
    "project": "project",
    "member": "member",
    "resource": "resource",
    "service": "resource",
    "customer": "resource",
    "customer_id": "resource",
    "subject": "resource",
    "subscription": "subscription",
    "invoice": "invoice",
    "purchase": "purchase",
    "key": "key",
}
"""Parameters that are ids, each with the thing that it names (a key of `Party.things`)."""

LOOKS_FOR = {("list_organizations", "external_id"): "organization"}
LOOKS_FOR |= {("list_billing_accounts", "external_id"): "billing_account"}
LOOKS_FOR |= {("list_projects", "external_id"): "project"}
LOOKS_FOR |= {("list_resources", "external_id"): "resource"}
"""Parameters that are ids in one operation only."""

NOT_IDS = {("add_resource_type", "key")}
"""Parameters that are words in one operation only, though they are ids elsewhere."""

PLACES = {"cursor": {"list_entries": "1"}}
"""Parameters that say where a page goes on: something of another tenant's may stand there."""

WORDS: dict[str, str] = {
    "plan": "large",
    "priceId": "large_monthly",
    "interval": "month",
    "currency": "usd",
    "coupons": "EARLY",
    "name": "Name",
    "person": "Eve",
    "owner": "Eve",
    "key": "vm.new",
    "price": "vm_monthly",
    "description": "More of it",
    "type": "vm",
    "text": "name: x",
    "meter": "calls",
    "group_by": "project",
    "email": "eve@a.test",
    "instance_id": "cluster-1",
    "report_id": "report-1",
    "external_id": "rival-web",
    "return_url": "https://shop.test/",
    "returnUrl": "https://shop.test/",
    "success_url": "https://shop.test/",
    "successUrl": "https://shop.test/",
    "cancel_url": "https://shop.test/",
    "cancelUrl": "https://shop.test/",
    "Idempotency-Key": "everybody-uses-this-one",
    "Stripe-Signature": "t=1,v1=00",
}
"""Parameters that are no ids, each with what may be sent: a new thing's name, a catalog's key.

`external_id` of something new is a name that the other tenant uses, too: each has its own.
"""

ONE_OF = {"preview_invoice", "price_resource"}
"""Operations that take one of several ids, and do nothing without one."""

NEEDS: dict[str, dict[str, Any]] = {
    "create_key": {"scopes": ["read"]},
    "resize_resource": {"fields": {"vcpu": 8}},
    "report_instance_usage": {"metrics": {"devices": 3}},
    "open_checkout": {"success_url": "https://shop.test/", "cancel_url": "https://shop.test/"},
    "open_billing_checkout": {"plan": "large"},
}
"""What an operation asks for beside what its schema requires."""

COMPANIONS: dict[tuple[str, str], dict[str, Any]] = {
    ("price_resource", "project"): {"type": "vm"},
    ("price_resource", "resource"): {"fields": {"vcpu": 8}},
    ("list_events", "billing_account"): {
        "meter": "calls",
        "from": "2026-01-01T00:00:00Z",
        "to": "2026-03-01T00:00:00Z",
    },
}
"""What goes with an optional id of an operation."""

OPEN_BODIES: dict[str, tuple[tuple[str, Any], ...]] = {
    "send_events": (
        ("resource", [{"id": "x1", "source": "s", "type": "api.call", "subject": "{}"}]),
        ("project", [{"id": "x2", "source": "s", "type": "api.call", "subject": "{}"}]),
        ("organization", [{"id": "x3", "source": "s", "type": "api.call", "subject": "{}"}]),
        ("billing_account", [{"id": "x4", "source": "s", "type": "api.call", "subject": "{}"}]),
        ("resource", [{"id": "x5", "source": "s", "type": "resource.deleted", "subject": "{}"}]),
        (
            "project",
            [
                {
                    "id": "x6",
                    "source": "s",
                    "type": "resource.created",
                    "subject": "brand-new",
                    "data": {"project": "{}", "type": "vm"},
                }
            ],
        ),
    ),
    "create_setup": (
        ("organization", {"organization": {"external_id": "{}"}}),
        ("billing_account", {"project": {"name": "Name", "billing_account": "{}"}}),
    ),
}
"""Bodies whose schema says nothing, or whose ids lie deeper: what the `{}` in each names."""

PLATFORMS_TO_MAKE = {"create_setup"}
"""Operations that make what is not there: to a tenant's key, another organization is a 403."""

WHO_ASKS = {"Tallygate-Person", "Tallygate-Organization"}
"""Headers that say who asks: `askers.py` sends them."""

ALSO: dict[tuple[str, str], Right] = {
    ("create_project", "billing_account"): "change_billing",
    ("create_setup", "billing_account"): "change_billing",
}
"""What a person must have the right to, beside the operation's own, where it names such an id."""

MACHINES_ALONE = {"send_events"}
"""Operations that are for no person, whatever the role."""

UNGUARDED = {
    "GET /healthz",
    "GET /readyz",
    "POST /v1/webhooks/stripe",  # whose key is its signature
}
"""Operations that anybody may call."""

UNDESCRIBED = {"/docs", "/openapi.json", "/webhooks/stripe", "/api/v1/webhooks/stripe"}
"""Paths that are served and no part of the schema."""
