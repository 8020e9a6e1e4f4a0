"""The last requests of the API with their answers, for who wonders what was said."""

import re
from collections import deque
from typing import Any

KEPT_REQUESTS = 200
MAX_TEXT = 20_000
SECRET = re.compile(r"whsec_\w+")


class Lately:
    """The last requests of the API with their answers."""

    def __init__(self) -> None:
        self._kept: deque[dict[str, Any]] = deque(maxlen=KEPT_REQUESTS)

    def keep(self, request: dict[str, Any]) -> None:
        """Keep a request; `sent` and `answer` are bytes, shown as text without secrets."""
        for name in ("sent", "answer"):
            text = request[name][:MAX_TEXT].decode(errors="replace")
            request[name] = SECRET.sub("whsec_***", text)
        self._kept.append(request)

    def all(self) -> list[dict[str, Any]]:
        """Newest first."""
        return list(reversed(self._kept))
