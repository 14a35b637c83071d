"""The API process, `python -m app.server`: it answers at the port of the settings, and at that of admin calls, if any.

One process holds the model, so it listens at both, which uvicorn's own command cannot.
"""

import socket
import sys

import uvicorn

from app.settings import Settings

_STOP_SECONDS = 5  # in which calls in flight may end


def main() -> None:
    """Answer until a signal comes; the status is 1 where that could not begin."""
    settings = Settings()
    places = [(settings.host, settings.port)]
    if settings.admin_port:
        places.append((settings.admin_host or settings.host, settings.admin_port))
    sockets = [each for host, port in places for each in _bound(host, port)]
    server = uvicorn.Server(
        uvicorn.Config("app.main:serve", factory=True, access_log=False, timeout_graceful_shutdown=_STOP_SECONDS)
    )
    try:
        server.run(sockets)
    except KeyboardInterrupt:
        return
    if not server.started:
        sys.exit(1)


def _bound(host: str, port: int) -> list[socket.socket]:
    """A socket for each address that `host` means. None listens yet: until the model is there callers are refused."""
    sockets = []
    try:
        for family, kind, protocol, _, address in dict.fromkeys(
            socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        ):
            one = socket.socket(family, kind, protocol)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # IPv4 has a socket of its own
            one.bind(address)
            sockets.append(one)
    except OSError as error:
        sys.exit(f"slotwise: port {port} of {host} cannot be listened at: {error}")
    return sockets


if __name__ == "__main__":
    main()
