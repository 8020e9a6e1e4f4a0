"""Billing alerts: an event when a customer's usage of a meter passes a threshold, once for ever.

Source: https://docs.stripe.com/billing/subscriptions/usage-based/alerts. Only what was used since
the alert's creation counts, and customers of a test clock have none.
"""

from tallygate_sandbox.api import Call, Evidence, endpoint, expandable, page
from tallygate_sandbox.customers import existing
from tallygate_sandbox.meters.usage import usage
from tallygate_sandbox.wire.refusals import Refusal, missing_param
from tallygate_sandbox.world import Obj, Seen, World, index

KIND = "billing.alert"
MAX_ALERTS = 25
EVER = 2**62

index(KIND, "usage_threshold.meter")
expandable(KIND, usage_threshold__meter="billing.meter")


@endpoint(
    "POST /v1/billing/alerts",
    "billing.AlertCreateParams",
    "alert_type title usage_threshold",
    Evidence.DOCUMENTED,
)
def create(call: Call) -> Obj:
    world, threshold = call.world, call.sent("usage_threshold")
    if threshold is None:
        raise missing_param("usage_threshold")
    world.get("billing.meter", threshold["meter"], "usage_threshold[meter]")
    if threshold["gte"] <= 0:
        raise Refusal("This value must be greater than 0.", param="usage_threshold[gte]")
    customer = _scope(world, threshold.get("filters") or [])
    scoped = [
        alert
        for alert in world.where(KIND, "usage_threshold.meter", threshold["meter"])
        if alert["status"] != "archived" and _customer(alert) == customer
    ]
    if len(scoped) >= MAX_ALERTS:
        raise Refusal(f"There can be at most {MAX_ALERTS} alerts for a meter and a customer.")
    filters = [{"customer": customer, "type": "customer"}] if customer else None
    return world.add(
        {
            "id": world.ids.new("alrt", 14),
            "object": KIND,
            "alert_type": "usage_threshold",
            "livemode": False,
            "status": "active",
            "title": call.params["title"],
            "usage_threshold": {
                "filters": filters,
                "gte": threshold["gte"],
                "meter": threshold["meter"],
                "recurrence": "one_time",
            },
            "_created": world.now(),
            "_fired": {},
        }
    )


@endpoint("GET /v1/billing/alerts/{id}", "billing.AlertRetrieveParams")
def retrieve(call: Call) -> Obj:
    return dict(call.world.get(KIND, call.path["id"]))


@endpoint("GET /v1/billing/alerts", "billing.AlertListParams", "alert_type meter")
def list_(call: Call) -> Obj:
    """The alerts that are not archived."""
    meter = call.sent("meter")
    return page(
        call,
        KIND,
        lambda alert: (
            alert["status"] != "archived" and meter in {None, alert["usage_threshold"]["meter"]}
        ),
    )


@endpoint("POST /v1/billing/alerts/{id}/activate", "billing.AlertActivateParams")
def activate(call: Call) -> Obj:
    return _turn(call, "active", ("inactive",))


@endpoint("POST /v1/billing/alerts/{id}/deactivate", "billing.AlertDeactivateParams")
def deactivate(call: Call) -> Obj:
    return _turn(call, "inactive", ("active",))


@endpoint("POST /v1/billing/alerts/{id}/archive", "billing.AlertArchiveParams")
def archive(call: Call) -> Obj:
    """Take an alert out of the lists; it cannot come back."""
    return _turn(call, "archived", ("active", "inactive"))


def watch(world: World, meter: str, customer: str) -> None:
    """Fire the alerts whose threshold this customer's usage has reached."""
    alerts = world.where(KIND, "usage_threshold.meter", meter)
    if not alerts or world.get("customer", customer).get("test_clock"):
        return
    for alert in alerts:
        fits = _customer(alert) in {None, customer}
        if alert["status"] != "active" or not fits or customer in alert["_fired"]:
            continue
        value = usage(world, meter, customer, alert["_created"], EVER)
        if value >= alert["usage_threshold"]["gte"]:
            _fire(world, alert, customer, int(value))


def _fire(world: World, alert: Seen, customer: str, value: int) -> None:
    world.edit(KIND, alert["id"])["_fired"][customer] = True
    triggered = {
        "object": "billing.alert_triggered",
        "alert": world.view(alert),
        "created": world.now(),
        "customer": customer,
        "livemode": False,
        "value": value,
    }
    world.emit("billing.alert.triggered", triggered)


def _scope(world: World, filters: list[Obj]) -> str | None:
    """The one customer whom an alert is about; None for all."""
    if len(filters) > 1:
        raise Refusal("You can only specify up to one filter.", param="usage_threshold[filters]")
    if not filters:
        return None
    name = "usage_threshold[filters][0][customer]"
    if not filters[0].get("customer"):
        raise missing_param(name)
    customer = existing(world, filters[0]["customer"], name)
    if customer.get("test_clock"):
        raise Refusal("Alerts are not available for customers with a test clock.", param=name)
    ident: str = customer["id"]
    return ident


def _customer(alert: Seen) -> str | None:
    filters = alert["usage_threshold"]["filters"]
    return filters[0]["customer"] if filters else None


def _turn(call: Call, status: str, among: tuple[str, ...]) -> Obj:
    alert = call.world.edit(KIND, call.path["id"])
    if alert["status"] not in among:
        raise Refusal(f"An alert that is {alert['status']} cannot become {status}.")
    alert["status"] = status
    return alert
