"""Which addresses of the network are everybody's: what a service is told to call must not be what stands beside it."""

import ipaddress

_EMBEDDED = ipaddress.ip_network("64:ff9b::/96")  # an IPv4 address behind a translator


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open network: no private, loopback, link-local or reserved one."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if inner is None and found in _EMBEDDED:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return found.is_global and not found.is_multicast


def is_address(host: str) -> bool:
    """Whether a host is an address and no name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
