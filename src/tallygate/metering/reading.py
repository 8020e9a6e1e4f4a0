"""What does one event say to one meter?

Its series, its instant, and its value; or nothing, where the meter asks for another type or other
fields. A value that cannot be read (missing, not a number, out of bounds) is the sender's
mistake and rejects the event.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Event:
    """A CloudEvent that was accepted. `tenant` is the organization that `subject` belongs to.

    Identity is (tenant, source, id); content is type, subject, time and data. `subject` is our
    own id of a resource, project, billing account or organization.
    """

    tenant: str
    source: str
    id: str
    type: str
    subject: str
    time: datetime
    data: Mapping[str, object]


class Reading(NamedTuple):
    """One event's word to one meter. Readings of a series are ordered by (micros, id).

    `series` is the subject, followed by the values of the meter's `per` fields; `micros` the
    event's time since 1970; `id` is "source id", which breaks ties; `value` a number, or, for
    `unique`, the text that is counted once.
    """

    series: tuple[str, ...]
    micros: int
    id: str
    value: Decimal | str
