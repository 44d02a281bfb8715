"""Keeps a process with many threads small."""

import ctypes
import os

_M_ARENA_MAX = -8
"""The number of this option in glibc's `malloc.h`."""

_ARENAS = 2


def share_arenas() -> None:
    """Let all threads share two arenas of C's allocator; MALLOC_ARENA_MAX in the environment stays in force.

    glibc gives threads arenas of their own, eight for each core, and each keeps what its thread once needed. Does
    nothing where the C library is another one.
    """
    if "MALLOC_ARENA_MAX" in os.environ:
        return
    try:
        set_option = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return
    set_option(_M_ARENA_MAX, _ARENAS)
