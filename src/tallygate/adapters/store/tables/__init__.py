"""Which tables are there? One file is one family; all share one MetaData.

Importing this package collects every family in it, so `metadata` is the whole declared schema,
which the migrated one must equal.
"""

from importlib import import_module
from pkgutil import iter_modules

from tallygate.adapters.store.tables.columns import metadata

for _family in iter_modules(__path__):
    import_module(f"{__name__}.{_family.name}")

__all__ = ["metadata"]
