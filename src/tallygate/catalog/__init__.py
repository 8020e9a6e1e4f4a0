"""What is sold, as one YAML file.

Owns: the shape of the price list (meters, plans, prices, limits, resource types, coupons, and
what is shown of it at a provider), the arithmetic in a meter's `value`, and every check that needs
nothing but the file.

Does not own: what events come to (metering), what quantities cost (rating), which version a
subscription is on, or where a version is kept.

Laws: a file is judged as a whole and all its problems are reported at once, each with its line
and with what to do; amounts are decimal strings; a catalog that was read can be billed without
further doubt.
"""

from tallygate.catalog.definition import meter_definition
from tallygate.catalog.model import Catalog
from tallygate.catalog.reading import decode, read_catalog, read_with_warnings

__all__ = ["Catalog", "decode", "meter_definition", "read_catalog", "read_with_warnings"]
