"""What should each account have been billed, when projects change hands? Counted by brute force.

A second opinion: it knows the facts of a world (who had which project since when, what happened to
each machine, what was reported of it) and the price list as numbers, and shares no code with what
it judges. Instants are microseconds since 1970, amounts are cents.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise

HOUR = 3_600_000_000
MICRO = Fraction(1, 1_000_000)
CALL, INCLUDED, PEAK, GAUGE, RUN = 37, 5, 113, Fraction(123, 100), 5
MACHINES = {"small": 3100, "large": 7900}
"""Cents: of a call beyond those included, a unit of the peak, a gauged hour, an hour of running;
and of a machine for a month."""

FOREVER = 1 << 61
Span = tuple[int, int]


@dataclass
class Machine:
    """What happened to a machine (in any order), and what was reported of it."""

    project: str
    life: list[tuple[int, str, str]] = field(default_factory=list)
    calls: list[tuple[int, int]] = field(default_factory=list)
    peaks: list[tuple[int, int]] = field(default_factory=list)
    gauges: list[tuple[int, int]] = field(default_factory=list)

    def states(self) -> Iterator[tuple[int, int, str, bool]]:
        """From when until when it was of which type, and whether it ran."""
        kind, runs = "", False
        for (at, what, named), (until, _, _) in pairwise([*sorted(self.life), (FOREVER, "", "")]):
            if what == "created" and not kind:
                kind, runs = named, True
            elif kind and what == "deleted":
                kind = ""
            elif kind and what == "resized":
                kind = named
            elif kind and what in {"started", "stopped"}:
                runs = what == "started"
            if kind:
                yield at, until, kind, runs

    @property
    def born(self) -> int:
        """When it came into being."""
        return next((state[0] for state in self.states()), min(at for at, _, _ in self.life))

    @property
    def gone(self) -> int:
        """When it was deleted."""
        ends = [until for _, until, _, _ in self.states()]
        return ends[-1] if ends else FOREVER


@dataclass
class Facts:
    """Who paid for each project since when (the first since ever), and all machines."""

    payers: dict[str, list[tuple[int, str]]]
    machines: dict[str, Machine] = field(default_factory=dict)

    def payer(self, machine: Machine, at: int) -> str:
        """Who pays for a machine at an instant; before it came, whoever paid when it came."""
        return self.payer_of(machine.project, max(at, machine.born))

    def payer_of(self, project: str, at: int) -> str:
        """Who pays for a project at an instant."""
        told = sorted(self.payers[project])
        return next((who for since, who in reversed(told) if since <= at), told[0][1])

    def paid(self, machine: Machine, account: str, period: Span) -> list[Span]:
        """When within a period the account pays for a machine."""
        cuts = [since for since, _ in self.payers[machine.project] if inside(since, period)]
        cuts = sorted(
            {period[0], *cuts, *([machine.born] if inside(machine.born, period) else [])}
        )
        return [
            (start, end)
            for start, end in pairwise([*cuts, period[1]])
            if self.payer(machine, start) == account
        ]

    def owed(self, account: str, period: Span) -> dict[str, int]:
        """What an account owes for a period, in cents by price: each rounded once."""
        months: dict[str, int] = dict.fromkeys(MACHINES, 0)
        calls = peak = gauge = running = Fraction(0)
        for machine in self.machines.values():
            paid = self.paid(machine, account, period)
            share = Fraction(length(paid), period[1] - period[0])
            calls += sum(n for at, n in machine.calls if any(inside(at, span) for span in paid))
            peak += share * max([n for at, n in machine.peaks if inside(at, period)], default=0)
            for start, until, kind, runs in machine.states():
                lived = length(cut(paid, (start, until)))
                months[kind] += lived
                running += Fraction(lived, HOUR) * runs
            there = cut(paid, (0, machine.gone))
            for (at, n), (until, _) in pairwise([*sorted(machine.gauges), (FOREVER, 0)]):
                gauge += Fraction(n * length(cut(there, (at, until))), HOUR)
        machines = {
            kind: cents(Fraction(MACHINES[kind] * lived, period[1] - period[0]))
            for kind, lived in months.items()
        }
        return machines | {
            "calls": cents(max(calls - INCLUDED, Fraction(0)) * CALL),
            "peak": cents(half_up(peak, MICRO) * PEAK),
            "gauge": cents(half_up(gauge, MICRO) * GAUGE),
            "running": cents(half_up(running, MICRO) * RUN),
        }


def inside(at: int, span: Span) -> bool:
    """Whether an instant lies in a half-open span."""
    return span[0] <= at < span[1]


def cut(spans: Iterable[Span], by: Span) -> list[Span]:
    """The parts of spans that lie in another one."""
    parts = [(max(start, by[0]), min(end, by[1])) for start, end in spans]
    return [part for part in parts if part[0] < part[1]]


def length(spans: Iterable[Span]) -> int:
    """How long spans are together."""
    return sum(end - start for start, end in spans)


def half_up(number: Fraction, step: Fraction) -> Fraction:
    """The multiple of a step that a number, not below zero, rounds to."""
    return (number / step + Fraction(1, 2)) // 1 * step


def cents(exact: Fraction) -> int:
    """Whole cents, half up; nothing here is below zero."""
    return int(half_up(exact, Fraction(1)))
