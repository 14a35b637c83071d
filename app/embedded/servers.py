"""What the two servers share: a free port on 127.0.0.1, and a wait until they answer there."""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.embedded.child import Child
from app.embedded.errors import ChildEnded
from app.errors import StackFailed

LOCALHOST = "127.0.0.1"
_PORTS_TO_TRY = 3


@dataclass(frozen=True)
class Server:
    """A server that answers at `url`; `again` starts another in its place, at the same port, when it has ended."""

    child: Child
    url: str
    again: Callable[[], Child]


def start_server(
    launch: Callable[[int], Child], log: Path, answers: Callable[[int], bool], patience: float
) -> tuple[Child, int]:
    """Launches one on a free port and waits until `answers(port)`; returns it with its port.

    Between our finding a port free and the server's taking it somebody else may: then another port is tried.

    Raises:
        ChildEnded: the server ended while starting, and the port was not why.
        StackFailed: it did not answer within `patience` seconds.
    """
    for _ in range(_PORTS_TO_TRY):
        port = free_port()
        try:
            return _start_at(port, launch, answers, patience), port
        except ChildEnded:
            if not port_taken(LOCALHOST, port):
                raise
    raise StackFailed(f"Other programs took each of the {_PORTS_TO_TRY} free ports before our server did; see {log}")


def _start_at(port: int, launch: Callable[[int], Child], answers: Callable[[int], bool], patience: float) -> Child:
    child = launch(port)
    try:
        child.wait_until(lambda: answers(port), patience)
    except BaseException:
        child.stop()
        raise
    return child


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.create_server((LOCALHOST, 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def port_taken(host: str, port: int) -> bool:
    """Whether a server of ours could not listen at `host`:`port`.

    Raises:
        StackFailed: `host` is not an address of this machine.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            # As servers do: connections of a server that has just ended must not count.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen()
    except PermissionError as error:
        raise StackFailed(f"Port {port} of {host} may not be used by this account: {error}") from error
    except socket.gaierror as error:
        raise StackFailed(f"{host} is no address of this machine: {error}") from error
    except OSError:
        return True
    return False
