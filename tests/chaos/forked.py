"""Processes that begin at once: they are forked off one that has read all that they need."""

import multiprocessing
from collections.abc import Callable
from multiprocessing.context import ForkServerProcess
from typing import Any

READ = (
    "pytest",
    "tests.chaos.chaos_server",
    "tests.chaos.worker_process",
    "tallygate.app",
    "tallygate.config",
    "tallygate.adapters.http",
    "tallygate.adapters.sandbox_clock",
    "tallygate.adapters.stripe",
    "tallygate.adapters.stripe.pace",
)
"""What each has read when it begins."""


def forked(target: Callable[..., object], *args: Any) -> ForkServerProcess:
    """A process that has begun; its caller ends it."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(READ))
    process = context.Process(target=target, args=args)
    process.start()
    return process
