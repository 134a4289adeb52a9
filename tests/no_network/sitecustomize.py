"""Loaded by every Python process that tests start: it refuses connections beyond this machine."""

import sys


def _local_only(event: str, arguments: tuple[object, ...]) -> None:
    if event not in ("socket.connect", "socket.sendto"):
        return
    address = arguments[1]
    if (
        isinstance(address, tuple)
        and address
        and address[0] not in ("127.0.0.1", "::1", "localhost", "0.0.0.0")
    ):
        raise PermissionError(f"the tests allow no connection beyond this machine: {address}")


sys.addaudithook(_local_only)
