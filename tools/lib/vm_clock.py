# SPDX-License-Identifier: MIT
"""The frequency of this machine's time-stamp counter, which TCG's guests read.

A guest finds it out by waiting for emulated timers. On a busy machine its CPU stands still meanwhile, the
frequency comes out several times too low, and its clock then runs several times too fast: time limits of a
minute end after seconds. So it is told.
"""

import ctypes
import mmap
import time

# rdtsc; shl $32, %rdx; or %rdx, %rax; ret
READ_COUNTER = bytes.fromhex("0f31 48c1e220 4809d0 c3")
INTERVAL_S = 0.02
ATTEMPTS = 50


def counter_reader():
    """A function that reads the counter, and the memory that it lies in."""
    code = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(READ_COUNTER)
    address = ctypes.addressof(ctypes.c_char.from_buffer(code))
    return ctypes.CFUNCTYPE(ctypes.c_uint64)(address), code


def reading(read_counter):
    """(width, time, counter) in nanoseconds: of some attempts the one that nothing came between."""
    best = None
    for _ in range(ATTEMPTS):
        before = time.monotonic_ns()
        counter = read_counter()
        width = time.monotonic_ns() - before
        if best is None or width < best[0]:
            best = (width, before + width // 2, counter)
    return best


def counter_khz():
    """Frequency of the counter; None where no code can be put into memory."""
    try:
        read_counter, _code = counter_reader()
    except OSError:
        return None
    first = reading(read_counter)
    time.sleep(INTERVAL_S)
    last = reading(read_counter)
    return round((last[2] - first[2]) * 1e6 / (last[1] - first[1]))
