"""What threads once needed does not stay with each of them."""

import subprocess
import sys

import pytest

_MANY_THREADS = """
import ctypes, sys, threading
from service.memory import share_arenas
if sys.argv[1] == "shared":
    share_arenas()
libc = ctypes.CDLL("libc.so.6")
libc.malloc.restype = ctypes.c_void_p
turn = threading.Barrier(16)
def allocate():
    turn.wait()
    for _ in range(2000):
        libc.free(ctypes.c_void_p(libc.malloc(4096)))
    turn.wait()
threads = [threading.Thread(target=allocate) for _ in range(16)]
for thread in threads: thread.start()
for thread in threads: thread.join()
libc.malloc_stats()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="mallopt is glibc's")
def test_threads_share_two_arenas() -> None:
    arenas = {}
    for how in ("shared", "own"):
        ran = subprocess.run([sys.executable, "-c", _MANY_THREADS, how], capture_output=True, text=True, check=True)
        arenas[how] = ran.stderr.count("Arena ")
    assert arenas["shared"] <= 2 < arenas["own"]
