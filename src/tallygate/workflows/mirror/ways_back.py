"""Where may the payment provider's pages lead back to?

To a page of the platform's own: the ones that the settings name, or another of the same origin.
Whoever could name any page would have a page of the provider's send a customer there.
"""

from urllib.parse import urlsplit

from tallygate.core.errors import Invalid
from tallygate.workflows.installation import Settings

LONGEST = 2000


def way_back(settings: Settings, asked: str | None, param: str) -> str | None:
    """The page that was asked for, if it is the platform's own; None: none was.

    Raises:
        Invalid: it is not of the origin of a page that the settings name.
    """
    if asked is None:
        return None
    ours = {_origin(page) for page in _pages(settings) if page is not None}
    if _origin(asked) in ours - {None}:
        return asked
    raise Invalid(
        f"{param} must be a page of the same origin (https://host) as TALLYGATE_SUCCESS_URL, "
        "TALLYGATE_CANCEL_URL or TALLYGATE_PORTAL_RETURN_URL, of which one at least is to be set.",
        param=param,
    )


def _pages(settings: Settings) -> tuple[str | None, ...]:
    return settings.success_url, settings.cancel_url, settings.portal_return_url


def _origin(page: str) -> tuple[str, str] | None:
    """Scheme and host with port; None where browsers and we might read the address otherwise."""
    plain = all("!" <= character <= "~" for character in page) and "\\" not in page
    if not plain or len(page) > LONGEST:
        return None
    try:
        parts = urlsplit(page)
    except ValueError:
        return None
    if parts.scheme not in {"https", "http"} or not parts.netloc or "@" in parts.netloc:
        return None
    return parts.scheme, parts.netloc.lower()
