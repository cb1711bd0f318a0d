"""Where a webhook may go: one strict reading of its address, one resolving of its name.

A server that sends requests wherever a stranger says can be sent into its own network. So the
address is read here and nowhere else; what is connected to is an IP address that was checked, never
a name that could be resolved to something else a moment later.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

from notes.provider import Later

MAX_LENGTH = 500

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_NAME = rf"{_LABEL}(?:\.{_LABEL})*"
_IN_PATH = r"A-Za-z0-9\-._~!$&'()*+,;=:@/%"
_ADDRESS = re.compile(
    rf"(?P<scheme>https?)://(?:(?P<name>{_NAME})|\[(?P<v6>[0-9A-Fa-f:.]+)\])"
    rf"(?::(?P<port>[0-9]{{1,5}}))?(?P<target>(?:/[{_IN_PATH}]*)?(?:\?[{_IN_PATH}?]*)?)"
)
#: The end of a name that no public DNS knows (RFC 6761, 6762, 8375 and ICANN's ``internal``).
_LOCAL_NAMES = ("localhost", "local", "internal", "lan", "home", "corp", "arpa", "test", "invalid")
#: Prefixes that carry an IPv4 address in their last 32 bits: NAT64 (RFC 6052) and
#: "IPv4-compatible" (RFC 4291).
_V4_AT_THE_END = (IPv6Network("64:ff9b::/96"), IPv6Network("::/96"))
#: Not public by IANA's registries of special addresses, but public for some Python 3.11 and 3.12.
_SPECIAL = tuple(
    ip_network(net)
    for net in ("192.0.0.0/24", "192.88.99.0/24", "64:ff9b:1::/48", "3fff::/20", "5f00::/16")
)


class AddressRefused(Exception):
    """Not an address that a webhook may have."""


@dataclass(frozen=True)
class Target:
    """A webhook's address, taken apart: ``path`` includes the query; ``host`` has no brackets."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The value of the ``Host`` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _standard_port(self.scheme) else f"{host}:{self.port}"


def parse(url: str, *, allow_private: bool = False) -> Target:
    """``url`` taken apart. What is not plainly an address is refused, not guessed at.

    ``allow_private`` also lets http, other ports and addresses that are not public pass.

    Raises:
      AddressRefused: it is not such an address.
    """
    found = _ADDRESS.fullmatch(url) if len(url) <= MAX_LENGTH else None
    if found is None:
        raise AddressRefused
    scheme, port = found["scheme"], int(found["port"] or _standard_port(found["scheme"]))
    host = (found["name"] or found["v6"]).lower()
    literal = _literal(host, is_v6=bool(found["v6"]))
    path = found["target"] if found["target"].startswith("/") else "/" + found["target"]
    if not allow_private:
        if (scheme, port) != ("https", 443):
            raise AddressRefused
        if not (is_public(literal) if literal else _is_public_name(host)):
            raise AddressRefused
    if not 0 < port < 65536:
        raise AddressRefused
    return Target(scheme, str(literal or host), port, path)


def resolve(target: Target, *, allow_private: bool = False) -> list[str]:
    """The IP addresses of ``target``, all of them checked, in the order to try.

    Raises:
      notes.provider.Later: the name is unknown, or one of its addresses is not public. Both may be
        mended in the DNS.
    """
    try:
        answers = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as fault:
        raise Later("name_unknown") from fault
    addresses = list(dict.fromkeys(str(answer[4][0]) for answer in answers))
    if not allow_private and not all(is_public(ip_address(each)) for each in addresses):
        raise Later("address_refused")
    return addresses


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether ``address`` is one of the open internet, and each IPv4 address hidden in it too."""
    if isinstance(address, IPv6Address):
        if address.scope_id or address.teredo or address.is_site_local:
            return False
        hidden = _hidden(address)
        if hidden is not None:
            return is_public(hidden)
    if any(address in network for network in _SPECIAL):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


def _hidden(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that ``address`` is another way of writing, if it is one."""
    if any(address in network for network in _V4_AT_THE_END):
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour


def _literal(host: str, *, is_v6: bool) -> IPv4Address | IPv6Address | None:
    """``host`` as an IP address, None for a name.

    Resolvers take 127.1, 0x7f.1 and 2130706433 for addresses too; here nothing ends in a number
    but four plain ones.
    """
    try:
        if is_v6:
            return IPv6Address(host)
        if re.fullmatch(r"0x[0-9a-f]*|[0-9]+", host.rpartition(".")[2]):
            return IPv4Address(host)
    except ValueError as fault:
        raise AddressRefused from fault
    return None


def _is_public_name(host: str) -> bool:
    return "." in host and host.rpartition(".")[2] not in _LOCAL_NAMES


def _standard_port(scheme: str) -> int:
    return 443 if scheme == "https" else 80
