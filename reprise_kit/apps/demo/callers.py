"""Who may ask this server: pages of its own, programs, and nobody else's page in a visitor's browser.

A page elsewhere can make a browser send a song here (the browser then names the page in Origin), and a name that an
attacker owns can be pointed at this machine (the browser then asks for that name in Host). Names that nobody can own
are let through: addresses, localhost, and names without a dot, as containers have.
"""

import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit


def refusal(host: str, origin: str | None, allowed: Collection[str] = ()) -> str | None:
    """Say why a request is refused, or return None.

    host: its Host header. origin: its Origin header, None where it has none. allowed: names that this server is known
    by beside those that nobody can own.
    """
    name = _parts(host)[1]
    if name is None or not (_nobodys(name) or name in allowed):
        return f"this server is not called {host[:60]!r}; ask for its address, or start it with --allow-host NAME"
    if origin is not None and _parts(origin.partition("//")[2])[0] != host.lower():
        return f"a page of {origin[:60]!r} may not use this server; open its own page"
    return None


def _parts(place: str) -> tuple[str | None, str | None]:
    """The place and the host's name of what begins with HOST:PORT, lower case; nothing where it cannot be read."""
    try:
        found = urlsplit(f"//{place}")
        return found.netloc.lower(), found.hostname
    except ValueError:
        return None, None


def _nobodys(name: str) -> bool:
    if "." not in name and ":" not in name:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name.endswith(".localhost")
    return True
