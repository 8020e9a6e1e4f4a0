"""Every operation of the API, with a request that would do it.

`{name}` in a path or a body stands for an id of that noun; `scope` is what the key must have. A
test asks that no operation of the application is missing here.
"""

from typing import Any, Literal, NamedTuple


class Operation(NamedTuple):
    """One operation. `names` are the nouns whose ids it is given."""

    method: str
    path: str
    scope: Literal["ingest", "read", "write"]
    body: Any = None
    query: str = ""
    platform: bool = False

    @property
    def lists(self) -> bool:
        """Whether it answers with pages of what a tenant has, or everybody."""
        if self.method != "GET" or "{" in self.path or not self.path.startswith("/v1/"):
            return False
        ours = {"/v1/catalog", "/v1/health", "/v1/invoices/preview", "/v1/resource_types"}
        return self.path not in ours

    @property
    def key(self) -> Literal["ingest", "write"]:
        """The scope of a tenant's key that may do it: writing includes reading."""
        return "ingest" if self.scope == "ingest" else "write"

    @property
    def names(self) -> list[str]:
        text = f"{self.path} {self.query} {self.body}"
        nouns = (
            "organization",
            "project",
            "member",
            "billing_account",
            "resource",
            "subscription",
            "invoice",
            "purchase",
            "key",
            "customer",
            "service",
        )
        return [noun for noun in nouns if f"{{{noun}}}" in text]

    def filled(self, things: dict[str, str]) -> tuple[str, str, Any]:
        """The request for some ids."""
        path = (self.path + self.query).format(**things)
        return self.method, path, _filled(self.body, things)


def _filled(body: Any, things: dict[str, str]) -> Any:
    if isinstance(body, str):
        return body.format(**things) if body.startswith("{") else body
    if isinstance(body, dict):
        return {name: _filled(value, things) for name, value in body.items()}
    return body


OPERATIONS = (
    Operation("POST", "/v1/organizations", "write", {"name": "New"}, platform=True),
    Operation("GET", "/v1/organizations", "read"),
    Operation("GET", "/v1/organizations/{organization}", "read"),
    Operation(
        "POST",
        "/v1/projects",
        "write",
        {"organization": "{organization}", "name": "P", "billing_account": "{billing_account}"},
    ),
    Operation("GET", "/v1/projects", "read", query="?organization={organization}"),
    Operation("GET", "/v1/projects/{project}", "read"),
    Operation(
        "PUT",
        "/v1/projects/{project}/payer",
        "write",
        {"billing_account": "{billing_account}"},
    ),
    Operation("GET", "/v1/projects/{project}/payers", "read"),
    Operation(
        "POST",
        "/v1/projects/{project}/move",
        "write",
        {"organization": "{organization}"},
        platform=True,
    ),
    Operation("GET", "/v1/projects/{project}/homes", "read"),
    Operation(
        "POST",
        "/v1/setups",
        "write",
        {"project": {"name": "S", "billing_account": "{billing_account}"}},
    ),
    Operation("GET", "/v1/resource_types", "read"),
    Operation("POST", "/v1/resource_types", "write", {"key": "new"}, platform=True),
    Operation("POST", "/v1/members", "write", {"organization": "{organization}", "person": "Bob"}),
    Operation("GET", "/v1/members", "read", query="?organization={organization}"),
    Operation("GET", "/v1/members/{member}", "read"),
    Operation("PATCH", "/v1/members/{member}", "write", {"role": "viewer"}),
    Operation("DELETE", "/v1/members/{member}", "write"),
    Operation(
        "POST", "/v1/billing_accounts", "write", {"organization": "{organization}", "name": "B"}
    ),
    Operation("GET", "/v1/billing_accounts", "read", query="?organization={organization}"),
    Operation("GET", "/v1/billing_accounts/{billing_account}", "read"),
    Operation("GET", "/v1/billing_accounts/{billing_account}/notices", "read"),
    Operation(
        "POST",
        "/v1/billing_accounts/{billing_account}/portal",
        "write",
        {"return_url": "https://shop.test/"},
    ),
    Operation("GET", "/v1/notices", "read", query="?organization={organization}"),
    Operation("GET", "/v1/audit_log", "read", query="?organization={organization}"),
    Operation(
        "POST", "/v1/checkouts", "write", {"billing_account": "{billing_account}", "plan": "large"}
    ),
    Operation(
        "POST", "/v1/purchases", "write", {"billing_account": "{billing_account}", "plan": "large"}
    ),
    Operation("GET", "/v1/purchases", "read", query="?organization={organization}"),
    Operation("GET", "/v1/purchases/{purchase}", "read"),
    Operation(
        "POST", "/v1/payment_link_references", "write", {"billing_account": "{billing_account}"}
    ),
    Operation("POST", "/v1/resources", "write", {"project": "{project}", "type": "vm"}),
    Operation("GET", "/v1/resources", "read", query="?project={project}"),
    Operation("GET", "/v1/resources/{resource}", "read"),
    Operation("GET", "/v1/resources/{resource}/states", "read"),
    Operation("POST", "/v1/resources/{resource}/resize", "write", {"type": "vm.big"}),
    Operation("POST", "/v1/resources/{resource}/start", "write", {}),
    Operation("POST", "/v1/resources/{resource}/stop", "write", {}),
    Operation("DELETE", "/v1/resources/{resource}", "write"),
    Operation("GET", "/v1/events", "read", query="?subject={resource}"),
    Operation("GET", "/v1/usage", "read", query="?billing_account={billing_account}"),
    Operation(
        "POST",
        "/api/usage/report",
        "ingest",
        {"customer_id": "{customer}", "instance_id": "one", "metrics": {"devices": 3}},
    ),
    Operation("GET", "/api/usage/{customer}", "read"),
    Operation("GET", "/api/usage/{customer}/latest", "read"),
    Operation("GET", "/api/v1/billing/usage", "read", query="?organizationId={organization}"),
    Operation("GET", "/api/v1/billing/usage/history", "read", query="?userId={organization}"),
    Operation(
        "GET", "/api/v1/billing/usage/forecast", "read", query="?organizationId={billing_account}"
    ),
    Operation("GET", "/api/v1/billing/usage/service/{service}", "read"),
    Operation(
        "POST",
        "/v1/subscriptions",
        "write",
        {"billing_account": "{billing_account}", "plan": "small"},
    ),
    Operation("GET", "/v1/subscriptions", "read", query="?organization={organization}"),
    Operation("GET", "/v1/subscriptions/{subscription}", "read"),
    Operation("GET", "/v1/subscriptions/{subscription}/upcoming", "read"),
    Operation("POST", "/v1/subscriptions/{subscription}/change", "write", {"plan": "large"}),
    Operation("POST", "/v1/subscriptions/{subscription}/cancel", "write", {}),
    Operation("POST", "/v1/subscriptions/{subscription}/resume", "write"),
    Operation("GET", "/v1/invoices", "read", query="?organization={organization}"),
    Operation("GET", "/v1/invoices/preview", "read", query="?subscription={subscription}"),
    Operation("POST", "/v1/invoices/close", "write", {"commit": True}, platform=True),
    Operation("GET", "/v1/invoices/{invoice}", "read"),
    Operation("GET", "/v1/invoices/{invoice}/explain", "read"),
    Operation("GET", "/v1/invoices/{invoice}/breakdown", "read"),
    Operation(
        "GET",
        "/v1/invoices/{invoice}/breakdown",
        "read",
        query="?project={project}&resource={resource}",
    ),
    Operation("GET", "/v1/billing_accounts/{billing_account}/breakdown", "read"),
    Operation(
        "GET",
        "/v1/projects/{project}/breakdown",
        "read",
        query="?billing_account={billing_account}&resource={resource}",
    ),
    Operation("GET", "/v1/projects/{project}/breakdown", "read", query="?invoice={invoice}"),
    Operation("GET", "/v1/invoices/{invoice}/collection", "read"),
    Operation("POST", "/v1/invoices/{invoice}/approve", "write", platform=True),
    Operation("POST", "/v1/invoices/{invoice}/retry", "write", platform=True),
    Operation("GET", "/api/v1/billing/account", "read", query="?organizationId={organization}"),
    Operation(
        "GET", "/api/v1/billing/subscription", "read", query="?organizationId={organization}"
    ),
    Operation(
        "PATCH",
        "/api/v1/billing/subscription",
        "write",
        {"userId": "{organization}", "plan": "LARGE"},
    ),
    Operation(
        "DELETE", "/api/v1/billing/subscription", "write", query="?userId={billing_account}"
    ),
    Operation(
        "POST",
        "/api/v1/billing/checkout",
        "write",
        {"organizationId": "{organization}", "plan": "LARGE"},
    ),
    Operation("POST", "/api/v1/billing/portal", "write", {"organizationId": "{organization}"}),
    Operation("GET", "/api/v1/billing/invoices", "read", query="?userId={organization}"),
    Operation(
        "POST", "/api/billing/portal-session", "write", query="?organizationId={organization}"
    ),
    Operation("POST", "/v1/quote", "read", {"plan": "small", "usage": {"calls": "5"}}),
    Operation("POST", "/v1/quote/resource", "read", {"project": "{project}", "type": "vm"}),
    Operation(
        "POST",
        "/v1/quote/plan",
        "read",
        {"billing_account": "{billing_account}", "plan": "large"},
    ),
    Operation("GET", "/v1/catalog", "read"),
    Operation("POST", "/v1/catalog", "write", {"text": "name: x"}, platform=True),
    Operation("POST", "/v1/keys", "write", {"organization": "{organization}", "scopes": ["read"]}),
    Operation("GET", "/v1/keys", "read", query="?organization={organization}"),
    Operation("GET", "/v1/keys/{key}", "read"),
    Operation("DELETE", "/v1/keys/{key}", "write"),
    Operation("GET", "/v1/health", "read", platform=True),
)
