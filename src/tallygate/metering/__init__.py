"""From events to quantities.

Owns: what an event says to a meter (`read`), the eight aggregations as a pure fold (`fold`), the
hourly cell that spares reading the events again (`cell`), the questions asked of whoever keeps
them (`log`), and the quantity of a period (`measure`).

Does not own: how events are stored, who pays, and what anything costs. Money never appears here.

Laws: the fold defines a meter, and `measure` over cells gives exactly its answer; a quantity does
not depend on the order in which events arrive; numbers are exact until the one rounding to the
meter's base unit; states are integrated, never sampled.
"""

from tallygate.metering.cell import Cell
from tallygate.metering.daily import daily
from tallygate.metering.fold import fold
from tallygate.metering.log import UsageLog
from tallygate.metering.measure import measure
from tallygate.metering.read import compile_reader
from tallygate.metering.reading import Reading

__all__ = ["Cell", "Reading", "UsageLog", "compile_reader", "daily", "fold", "measure"]
