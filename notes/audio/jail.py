"""What a process gives up before it touches untrusted bytes.

The server of decoders leaves the network once; each decoder then locks itself up. From then on it
can open neither a file nor a socket (the table of file descriptors is full), write no file, start
no threads' worth of memory, and outlive neither its time nor its parent.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys

#: Beyond what is in use after the imports (about 200 MB of address space, 45 MB of memory).
MEMORY_BYTES = 192 << 20
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 1, 4, 38
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000


def die_with(parent: int) -> None:
    """End when ``parent`` ends: where the kernel offers it at once, else by the clock.

    The kernel takes the parent's thread for the parent; the server of decoders has only one.
    """
    if sys.platform == "linux":
        _libc().prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def leave_the_network() -> bool:
    """Whether this process, and all it starts, now is in a network namespace of its own.

    What a kernel or a container does not allow is left out: the descriptor limit alone already
    keeps files and sockets closed.
    """
    if sys.platform != "linux":
        return False
    libc = _libc()
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    return any(libc.unshare(what) == 0 for what in (CLONE_NEWUSER | CLONE_NEWNET, CLONE_NEWNET))


def lock_up(cpu_seconds: int) -> None:
    """Give everything else up."""
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    if sys.platform == "linux":
        limit = _address_space() + MEMORY_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))


def _address_space() -> int:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[0]) * resource.getpagesize()


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
