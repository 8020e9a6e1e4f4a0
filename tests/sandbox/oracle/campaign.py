"""More lives than the suite has time for: `python -m tests.sandbox.oracle.campaign SEED COUNT`."""

import sys

from tests.sandbox.oracle.test_lives import disagreements


def main(first: int, count: int) -> int:
    """Live them; says each disagreement, and gives how many lives had one."""
    wrong = 0
    for seed in range(first, first + count):
        if found := disagreements(seed):
            wrong += 1
            sys.stdout.write("\n".join([f"life {seed}", *found, ""]))
    sys.stdout.write(f"{count} lives, {wrong} billed otherwise\n")
    return wrong


if __name__ == "__main__":
    sys.exit(min(main(int(sys.argv[1]), int(sys.argv[2])), 1))
