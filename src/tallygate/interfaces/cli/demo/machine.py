"""What has this machine done in the last moment?

Real input for the demo: CPU time, memory and network bytes as the operating system counts them,
each moment as three CloudEvents. CPU time and bytes are differences of the system's own counters,
so nothing between two looks is lost; memory is a gauge, integrated between looks by its meter.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import psutil

from tallygate.core.clock import Clock
from tallygate.core.period import instant_text
from tallygate.core.quantity import plain

BYTES_PER_GB = Decimal(10**9)


def watch(clock: Clock, subject: str, looks: int, wait: Callable[[], None]) -> Iterator[list[Any]]:
    """Look so many times, waiting in between; each look gives the events of one moment."""
    cpu_before, bytes_before = _cpu_seconds(), _network_bytes()
    for look in range(looks):
        wait()
        cpu, moved = _cpu_seconds(), _network_bytes()
        at = clock.now()
        moment = f"{at:%Y%m%dT%H%M%S%f}-{look}"
        used = Decimal(psutil.virtual_memory().used) / BYTES_PER_GB
        yield [
            {
                "specversion": "1.0",
                "source": "this-machine",
                "id": f"{kind}-{moment}",
                "type": f"machine.{kind}",
                "subject": subject,
                "time": instant_text(at),
                "data": {field: plain(value)},
            }
            for kind, field, value in (
                ("cpu", "seconds", max(Decimal(0), cpu - cpu_before)),
                ("memory", "used_gb", used),
                ("network", "bytes", Decimal(max(0, moved - bytes_before))),
            )
        ]
        cpu_before, bytes_before = cpu, moved


def _cpu_seconds() -> Decimal:
    times = psutil.cpu_times()
    # psutil gives hundredths of a second as floats; their shortest text is what was counted.
    return sum((Decimal(str(round(part, 2))) for part in (times.user, times.system)), Decimal(0))


def _network_bytes() -> int:
    counters = psutil.net_io_counters()
    return 0 if counters is None else counters.bytes_sent + counters.bytes_recv
