"""Where a request comes from, as far as that can be believed.

Behind a proxy every request comes from the proxy, and X-Forwarded-For may hold anything that the
client has put there. A proxy appends the address that it sees, so the last item is its word and
the only one that counts. nginx (``$proxy_add_x_forwarded_for``, as CapRover has it), Caddy and
Traefik do so. X-Real-IP is not asked: some proxies pass on whatever the client sends.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest

#: What stands for an address that is not known: a unix socket, or nonsense.
UNKNOWN = "unknown"
#: What a household has of IPv6: a client may use any address in it.
HOUSEHOLD_BITS = 64
#: Of IPv4 and of IPv6.
LOGGED_BITS = 24, 48


def client_address(request: HttpRequest) -> str:
    """The client's address in its shortest form (``203.0.113.7``, ``2001:db8::7``), or UNKNOWN.

    Forwarded addresses are believed only with BEHIND_HTTPS_PROXY.
    """
    peer = _parse(request.META.get("REMOTE_ADDR", ""))
    if settings.BEHIND_HTTPS_PROXY:
        forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2]
        peer = _parse(forwarded) or peer
    return str(peer) if peer else UNKNOWN


def limit_key(request: HttpRequest) -> str:
    """What limits by address count: the address, or of IPv6 its network of a household."""
    return _network(client_address(request), 32, HOUSEHOLD_BITS)


def truncated(address: str) -> str:
    """What a log may hold of ``address``: its /24 of IPv4, its /48 of IPv6."""
    return _network(address, *LOGGED_BITS)


@lru_cache(maxsize=1024)
def _network(address: str, bits_of_4: int, bits_of_6: int) -> str:
    if (parsed := _parse(address)) is None:
        return UNKNOWN
    bits = bits_of_4 if parsed.version == 4 else bits_of_6
    network = ip_network((parsed, bits), strict=False)
    return str(network.network_address if network.num_addresses == 1 else network)


# A client is seldom here for one request only.
@lru_cache(maxsize=1024)
def _parse(text: str) -> IPv4Address | IPv6Address | None:
    """The address in ``text``, without port, brackets and zone; IPv4 inside IPv6 as IPv4."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
