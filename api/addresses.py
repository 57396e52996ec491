"""Where a request comes from, as far as requests are counted by it."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from flask import request

# Whoever has one address of IPv6 has all that begin with the same 64 bits.
_OF_ONE_CALLER = 64
_UNKNOWN = "unknown"


def caller_address() -> str:
    """The address of who asks: their network, where they can choose among its addresses."""
    return counted_as(request.remote_addr or "")


def counted_as(written: str) -> str:
    """What is counted for this address, as a server or a proxy wrote it; all that are none are counted together."""
    try:
        address = ip_address(_without_port(written.strip()))
    except ValueError:
        return _UNKNOWN
    if isinstance(address, IPv4Address):
        return str(address)
    return str(address.ipv4_mapped or _network(address))


def _network(address: IPv6Address) -> IPv6Network:
    return IPv6Network((int(address), _OF_ONE_CALLER), strict=False)


def _without_port(written: str) -> str:
    # `203.0.113.7:40001` and `[2001:db8::1]:40001`, as some proxies write them.
    if written.startswith("["):
        return written[1:].partition("]")[0]
    return written.partition(":")[0] if written.count(":") == 1 else written
