"""Webhook endpoints. Source: https://docs.stripe.com/api/webhook_endpoints."""

from urllib.parse import urlsplit

from tallygate_sandbox.api import Call, Evidence, endpoint, page
from tallygate_sandbox.webhooks.deliveries import drop_pending
from tallygate_sandbox.webhooks.secrets import new_secret
from tallygate_sandbox.wire.refusals import Refusal, absent
from tallygate_sandbox.world import Obj, World, index
from tallygate_sandbox.world.events import API_VERSION

KIND = "webhook_endpoint"
MAX_ENDPOINTS = 16
ALL = "*"

index(KIND, "status")


@endpoint(
    "POST /v1/webhook_endpoints",
    "WebhookEndpointCreateParams",
    "api_version description enabled_events metadata url",
)
def create(call: Call) -> Obj:
    """The one answer that shows the secret."""
    version = call.sent("api_version")
    if version not in {None, API_VERSION}:
        raise absent(f"webhooks in the API version {version}: it has {API_VERSION}")
    made = add(call.world, call.params["url"], call.params["enabled_events"])
    made["api_version"] = version
    call.change(made, "description", "metadata")
    return made | {"secret": made["_secrets"][0]["secret"]}


def add(world: World, url: str, events: list[str], secret: str | None = None) -> Obj:
    """Add an endpoint; with a secret of the caller's choice, as the command line takes one."""
    check_url(url, "url")
    check_events(events)
    if world.objects.count(KIND) >= MAX_ENDPOINTS:
        raise Refusal(
            f"You have reached the maximum of {MAX_ENDPOINTS} test webhook endpoints. "
            "Please delete some before creating new ones."
        )
    return world.add(
        {
            "id": world.ids.new("we"),
            "object": KIND,
            "api_version": None,
            "application": None,
            "created": world.now(),
            "description": None,
            "enabled_events": events,
            "livemode": False,
            "metadata": {},
            "status": "enabled",
            "url": url,
            "_secrets": [{"secret": secret or new_secret(world), "until": None}],
        }
    )


@endpoint("GET /v1/webhook_endpoints/{id}", "WebhookEndpointRetrieveParams")
def retrieve(call: Call) -> Obj:
    return dict(call.world.get(KIND, call.path["id"]))


@endpoint("GET /v1/webhook_endpoints", "WebhookEndpointListParams")
def list_(call: Call) -> Obj:
    return page(call, KIND)


@endpoint(
    "POST /v1/webhook_endpoints/{id}",
    "WebhookEndpointUpdateParams",
    "description disabled enabled_events metadata url",
)
def update(call: Call) -> Obj:
    made = call.world.edit(KIND, call.path["id"])
    call.change(made, "description", "metadata")
    if events := call.sent("enabled_events"):
        check_events(events)
        made["enabled_events"] = events
    if url := call.sent("url"):
        check_url(url, "url")
        made["url"] = url
    if call.sent("disabled") is not None:
        made["status"] = "disabled" if call.params["disabled"] else "enabled"
        if made["status"] == "disabled":
            drop_pending(call.world, made["id"])
    return made


@endpoint("DELETE /v1/webhook_endpoints/{id}", "WebhookEndpointDeleteParams", "", Evidence.SDK)
def delete(call: Call) -> Obj:
    ident = call.world.get(KIND, call.path["id"])["id"]
    drop_pending(call.world, ident)
    call.world.remove(KIND, ident)
    return {"id": ident, "object": KIND, "deleted": True}


def check_url(url: str, param: str) -> None:
    """Refuse what is no http(s) address."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise Refusal(
            "Invalid URL: An explicit scheme (such as https) must be provided.",
            code="url_invalid",
            param=param,
        )


def check_events(events: list[str]) -> None:
    if not events:
        raise Refusal("Invalid array: enabled_events must not be empty.", param="enabled_events")
    if ALL in events and len(events) > 1:
        raise Refusal(
            "enabled_events contains '*', which means all events: send it alone.",
            param="enabled_events",
        )
