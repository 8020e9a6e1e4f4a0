"""`python -m benchmarks [NAME...]` runs the benchmarks and prints what they found.

Ratios are taken within one run, beside a bound of the same run: they outlive the machine.
"""

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

Row = tuple[str, str, str, str]


def main() -> None:
    """Run the benchmarks that were named, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *RUNS], help="default: all of them")
    parser.add_argument("--seconds", type=float, default=60, help="for each case under load")
    parser.add_argument("--preload", type=int, default=1_000_000, help="events stored before")
    parser.add_argument("--resources", type=int, default=1_000_000, help="that are there")
    chosen = parser.parse_args()
    rows: list[Row] = [("", "measured", "of the bound", "goal")]
    for name in chosen.names or RUNS:
        rows += RUNS[name](chosen)
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)))


def tell(text: str) -> None:
    """Say what is going on, beside the results."""
    print(f"... {text}", file=sys.stderr, flush=True)


def _ingestion(chosen: argparse.Namespace) -> list[Row]:
    from benchmarks.ingestion import measure  # noqa: PLC0415 each benchmark loads its own

    return measure(chosen.seconds, chosen.preload, tell)


def _preview(chosen: argparse.Namespace) -> list[Row]:
    from benchmarks.preview import measure  # noqa: PLC0415 each benchmark loads its own

    return measure(chosen.preload, tell)


def _breakdown(_: argparse.Namespace) -> list[Row]:
    from benchmarks.breakdown import measure  # noqa: PLC0415 each benchmark loads its own

    return measure(tell)


def _rating(_: argparse.Namespace) -> list[Row]:
    from benchmarks import rating  # noqa: PLC0415 each benchmark loads its own

    tell("rating")
    found = rating.measure()
    rate, ratio = found["rated_invoices_per_second"], found["rated_ratio"]
    return [
        ("rating: bare arithmetic", f"{found['bound_invoices_per_second']:,.0f}/s", "1", ""),
        (
            "rating: invoices of ten explained lines",
            f"{rate:,.0f}/s",
            f"{ratio:.3f}",
            ">= 15000/s",
        ),
    ]


def _resources(chosen: argparse.Namespace) -> list[Row]:
    from benchmarks.resources import measure  # noqa: PLC0415 each benchmark loads its own

    return measure(chosen.resources, tell)


def _lives(_: argparse.Namespace) -> list[Row]:
    from benchmarks.lives import measure  # noqa: PLC0415 each benchmark loads its own

    return measure(tell)


def _sandbox(chosen: argparse.Namespace) -> list[Row]:
    from benchmarks.sandbox import measure  # noqa: PLC0415 each benchmark loads its own

    return measure(chosen.seconds, tell)


def _sync(_: argparse.Namespace) -> list[Row]:
    from benchmarks.sync import measure  # noqa: PLC0415 each benchmark loads its own

    return measure(tell)


def _webhooks(chosen: argparse.Namespace) -> list[Row]:
    from benchmarks.webhooks import measure  # noqa: PLC0415 each benchmark loads its own

    return measure(min(chosen.seconds, 30), tell)


def _mirror(_: argparse.Namespace) -> list[Row]:
    from benchmarks.mirror import measure  # noqa: PLC0415 each benchmark loads its own

    return measure(tell)


def _help(_: argparse.Namespace) -> list[Row]:
    tell("the command line")
    command = str(Path(sys.executable).parent / "tallygate")
    bare, ours = [], []
    for _round in range(11):
        bare.append(_time([sys.executable, "-I", "-c", "pass"]))
        ours.append(_time([command, "--help"]))
    took, bound = statistics.median(ours), statistics.median(bare)
    return [
        ("python, doing nothing", f"{bound * 1000:.0f} ms", "1", ""),
        ("tallygate --help", f"{took * 1000:.0f} ms", f"{took / bound:.1f}", "<= 150 ms"),
    ]


def _time(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


RUNS = {
    "ingestion": _ingestion,
    "preview": _preview,
    "breakdown": _breakdown,
    "rating": _rating,
    "resources": _resources,
    "lives": _lives,
    "sandbox": _sandbox,
    "sync": _sync,
    "webhooks": _webhooks,
    "mirror": _mirror,
    "help": _help,
}

if __name__ == "__main__":
    main()
