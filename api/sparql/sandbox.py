"""Takes from a process the right to open connections: on Linux a seccomp filter, which even the
code of a library cannot undo.

The gate of `sparql.gate` already refuses what would reach the network; this holds should it ever be
passed.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
import sys

PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, MODE_FILTER = 22, 38, 2
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | errno.EPERM
NUMBER, ARCHITECTURE = 0, 4
"""Offsets in `struct seccomp_data` (linux/seccomp.h)."""
CALLS = {"x86_64": (0xC000003E, (41, 425, 0x40000000 + 41)), "aarch64": (0xC00000B7, (198, 425))}
"""By machine: its audit architecture, and the numbers of `socket` and `io_uring_setup`."""


def no_connections() -> bool:
    """Refuse every new socket from here on; False where the system cannot."""
    known = CALLS.get(platform.machine())
    if not sys.platform.startswith("linux") or known is None:
        return False
    architecture, refused = known
    after = len(refused)
    program = [
        (LOAD, 0, 0, ARCHITECTURE),
        (JUMP_IF_EQUAL, 1, 0, architecture),
        (RETURN, 0, 0, REFUSE),
        (LOAD, 0, 0, NUMBER),
    ]
    program += [(JUMP_IF_EQUAL, after - place, 0, number) for place, number in enumerate(refused)]
    program += [(RETURN, 0, 0, ALLOW), (RETURN, 0, 0, REFUSE)]
    code = b"".join(struct.pack("HBBI", *line) for line in program)
    buffer = ctypes.create_string_buffer(code)
    head = struct.pack("HxxxxxxP", len(program), ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    done = (
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
        and libc.prctl(PR_SET_SECCOMP, MODE_FILTER, head, 0, 0) == 0
    )
    return bool(done)
