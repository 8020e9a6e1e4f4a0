"""Where does the present instant come from?

From whoever is handed in. Rules take `at`; workflows take a Clock; the system's clock is read by
the one that `app.py` chooses.
"""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Something that knows the present instant."""

    def now(self) -> datetime:
        """The present instant, aware and in UTC."""
        ...
