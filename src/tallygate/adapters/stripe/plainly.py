"""How is something read at Stripe without building the SDK's objects of it?

Building them takes most of the time of a read: a list of a hundred events becomes ten thousand
objects, of which a handful of fields are wanted. So what is only read is asked for through the
SDK's client, with its authentication, retries and errors, and taken as the JSON that came.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from stripe import StripeClient

PAGE = 100

Said = Mapping[str, Any]


class Plainly:
    """Reads of a client, as JSON."""

    def __init__(self, client: StripeClient) -> None:
        self._client = client

    def one(self, kind: str, ident: str, **asked: Any) -> Said:
        """One object by its id; `kind` is its place, such as `customers`."""
        said: Said = self._client.raw_request(
            "get", f"/v1/{kind}/{quote(ident, safe='')}", **asked
        ).data
        return said

    def page(self, kind: str, **asked: Any) -> Said:
        """A page of a list, newest first."""
        said: Said = self._client.raw_request("get", f"/v1/{kind}", **asked).data
        return said

    def each(self, kind: str, **asked: Any) -> Iterator[Said]:
        """All of a list, page by page, newest first."""
        while True:
            page = self.page(kind, limit=PAGE, **asked)
            yield from page["data"]
            if not page["has_more"] or not page["data"]:
                return
            asked["starting_after"] = page["data"][-1]["id"]

    def raw(self, kind: str, **asked: Any) -> bytes:
        """A page of a list as the bytes that came."""
        body = self._client.raw_request("get", f"/v1/{kind}", **asked).body
        return body.encode() if isinstance(body, str) else bytes(body)
