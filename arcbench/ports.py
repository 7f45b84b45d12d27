"""Ports of this machine that nothing listens on."""

import socket

from arcbench.errors import UserError

PORTS_TRIED = 50


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port(host: str, first: int, tried: int = PORTS_TRIED) -> int:
    """`first`, or the next one above it that is free. UserError if all `tried` are in use."""
    for port in range(first, min(first + tried, 65_536)):
        if is_free(host, port):
            return port
    raise UserError(f"ports {first}-{first + tried - 1} of {host} are all in use")
