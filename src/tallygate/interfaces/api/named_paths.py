"""What do the paths share that the container platform's document names?

Fields in camel case, and how a request says whose they are: a user or an organization, which are
the same here, because a person alone is an organization of one.
"""

from typing import Annotated

from fastapi import Query
from pydantic import ConfigDict
from pydantic.alias_generators import to_camel

from tallygate.core.errors import Invalid
from tallygate.interfaces.api.callers import Caller
from tallygate.interfaces.api.wire import Reference, Shape

Organization = Annotated[
    Reference | None,
    Query(alias="organizationId", description="Our id, or the platform's own."),
]
User = Annotated[
    Reference | None,
    Query(alias="userId", description="The same: a person alone is an organization of one."),
]


class CamelShape(Shape):
    """The base of what is named as that platform names it."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


def whose(caller: Caller, organization: str | None, user: str | None) -> str:
    """Whom a request is about: what it names, or the caller's own organization.

    Raises:
        Invalid: it names two, or the platform names none.
    """
    if organization is not None and user is not None:
        raise Invalid("Name an organizationId or a userId, not both.", param="userId")
    named = organization or user or caller.organization
    if named is None:
        raise Invalid(
            "Say whose it is: organizationId or userId. The API key is the platform's.",
            param="organizationId",
        )
    return named
