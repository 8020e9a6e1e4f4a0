"""A real browser without a window, if the machine has one."""

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WITHOUT_A_BROWSER = (
    "\nThe pages were NOT tried in a browser: no chromium was found. Install one (apt-get install "
    "chromium) and run tests/sandbox/pages again. Their logic was tested without one.\n"
)


def path_of_browser() -> str | None:
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@contextmanager
def a_browser(aloud: Callable[[], AbstractContextManager[None]]) -> Iterator[Browser | None]:
    """A browser; None where there is none, which is said `aloud()`."""
    path = path_of_browser()
    if path is None:
        with aloud():
            sys.stderr.write(WITHOUT_A_BROWSER)
        yield None
        return
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()
