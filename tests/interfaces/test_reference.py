"""The page at /docs names every operation and field, and loads nothing."""

import re

from tests.interfaces.world import World


def test_the_page_tells_every_operation_and_loads_nothing(world: World) -> None:
    page = world.client.get("/docs")
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert not re.search(r"<script|<link|src=|https?://(?!127)", page.text)
    document = world.client.get("/openapi.json").json()
    for path, operations in document["paths"].items():
        for method in operations:
            assert f"<code>{method.upper()} {path}</code>" in page.text
    for field in document["components"]["schemas"]["NewSubscription"]["properties"]:
        assert f"<code>{field}</code>" in page.text
    assert "`" not in page.text
