"""Who is there? Organizations, their projects, members and resources, and who pays.

A tenant is an organization; a person alone is an organization of one. Every record has our id
and may carry the platform's own id: `external_id`, unique within the organization, whatever it
names; an organization's is unique in the installation.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

Role = Literal["owner", "billing", "developer", "viewer"]


@dataclass(frozen=True, slots=True)
class Organization:
    """A tenant. `billing_account` pays for all that names no other payer."""

    id: str
    name: str
    billing_account: str
    created_at: datetime
    external_id: str | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """A person in an organization, from `since` until `until` (None: still).

    With a `project` it is a member of that project only, and takes no seat.
    """

    id: str
    organization: str
    person: str
    role: Role
    since: datetime
    until: datetime | None = None
    project: str | None = None


@dataclass(frozen=True, slots=True)
class Project:
    """A group of resources within an organization.

    To an organization that had it and has it no more, it left at `left_at`.
    """

    id: str
    organization: str
    name: str
    created_at: datetime
    external_id: str | None = None
    left_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class BillingAccount:
    """Who pays. The currency is fixed by the first subscription."""

    id: str
    organization: str
    name: str
    created_at: datetime
    currency: str | None = None
    external_id: str | None = None


@dataclass(frozen=True, slots=True)
class PayerChange:
    """From `since` on, a project's payer is this account; None: the organization's own."""

    project: str
    since: datetime
    billing_account: str | None


@dataclass(frozen=True, slots=True)
class Home:
    """A project that has moved was this organization's from `since` until `until`.

    None: since ever, or still. All homes of a project follow each other without a gap; one that
    never moved has none, and is its organization's for all time.
    """

    project: str
    organization: str
    since: datetime | None
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Resource:
    """A thing that is rented out. What it is at each instant is told by its states.

    To an organization that had it and has it no more, it left with its project at `left_at`.
    """

    id: str
    organization: str
    project: str
    type: str
    created_at: datetime
    external_id: str | None = None
    deleted_at: datetime | None = None
    left_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ResourceState:
    """What a resource is from `since` until `until` (None: still).

    `fields` is the type's spec overlaid by the events' data: what a meter's `value` sees, beside
    `running`.
    """

    resource: str
    since: datetime
    until: datetime | None
    type: str
    running: bool
    fields: Mapping[str, Decimal | str | bool]
