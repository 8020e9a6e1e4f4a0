"""Managed Payments: Stripe sells in its own name, and looks after tax itself.

Sources: https://docs.stripe.com/payments/managed-payments/update-checkout and the SDK's types: for
payments and new subscriptions on a page of Stripe's; what concerns tax, shipping and Connect is
not the caller's to say. Assumed: its tax is that of automatic tax, and what the sandbox has
registered stands for the more than 80 countries.
"""

from tallygate_sandbox.checkout.shapes import Params
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import Obj, Seen, World, when

ITS_OWN = (
    "automatic_tax",
    "shipping_address_collection",
    "shipping_options",
    "tax_id_collection",
)
PAGES = ("hosted_page", "embedded_page")


def wanted(params: Params) -> bool:
    return bool((params.get("managed_payments") or {}).get("enabled"))


def refuse_wrong(params: Params) -> None:
    """Refuse what goes with no Managed Payments. Raises: Refusal."""
    if not wanted(params):
        return
    names = [name for name in ITS_OWN if params.get(name)]
    if (params.get("subscription_data") or {}).get("default_tax_rates"):
        names.append("subscription_data[default_tax_rates]")
    names += [
        f"line_items[{number}][tax_rates]"
        for number, line in enumerate(params.get("line_items") or [])
        if line.get("tax_rates")
    ]
    if names:
        raise Refusal(
            f"You cannot set `{names[0]}` with Managed Payments: Stripe looks after it.",
            param=names[0],
        )
    if params.get("mode") == "setup":
        raise Refusal("Managed Payments sells: it cannot be used in `setup` mode.", param="mode")
    if params.get("ui_mode", "hosted_page") not in PAGES:
        raise Refusal("Managed Payments needs a page of Stripe's.", param="ui_mode")


@when("payment_intent.created")
def mark(world: World, intent: Seen) -> None:
    """What pays for such a subscription is managed as well."""
    invoice = world.find("invoice", intent.get("_invoice")) or {}
    details: Obj = (invoice.get("parent") or {}).get("subscription_details") or {}
    sub = world.find("subscription", details.get("subscription"))
    if sub is not None and sub["managed_payments"]:
        world.edit("payment_intent", intent["id"])["managed_payments"] = {"enabled": True}
