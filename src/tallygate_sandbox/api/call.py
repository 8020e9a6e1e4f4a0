"""One call of an endpoint: the world, what was named in the path, the checked parameters."""

from dataclasses import dataclass, field
from typing import Any

from tallygate_sandbox.wire.parameters import merged
from tallygate_sandbox.world import Obj, World


@dataclass(frozen=True, slots=True)
class Call:
    """`path` holds the ids of the path by name, `params` the typed parameters.

    A parameter that was cleared with an empty string is there as None; one that was not sent is
    not there.
    """

    world: World
    params: dict[str, Any]
    path: dict[str, str]
    url: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    base_url: str = ""

    def sent(self, name: str, default: Any = None) -> Any:
        """A parameter's value, or the default when it was not sent or was cleared."""
        value = self.params.get(name)
        return default if value is None else value

    def change(self, obj: Obj, *names: str) -> None:
        """Set each of these fields that was sent; metadata is merged."""
        for name in names:
            if name not in self.params:
                continue
            if name == "metadata":
                obj["metadata"] = merged(obj["metadata"], self.params["metadata"])
            else:
                obj[name] = self.params[name]
