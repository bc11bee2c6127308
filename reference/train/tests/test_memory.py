"""Memory that stays: what the system is asked for once is not asked for again."""

import platform
import subprocess
import sys
import unittest

PROGRAM = """
import ctypes, resource, sys
from reference.train.memory import keep_memory

kept = keep_memory() if sys.argv[1] == "kept" else False
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
pages, size = [], 64 << 20
for _ in range(8):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    place = libc.malloc(size)
    ctypes.memset(place, 1, size)
    libc.free(place)
    pages.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(int(kept), pages[0], max(pages[1:]))
"""


def pages(how: str) -> list[int]:
    """Whether glibc was told; pages that came new the first time 64 MB were filled, and the most of any later time."""
    out = subprocess.run([sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, check=True).stdout
    return [int(number) for number in out.split()]


@unittest.skipUnless(platform.libc_ver()[0] == "glibc", "the C library is not glibc")
class Memory(unittest.TestCase):
    def test_what_was_freed_is_taken_again(self):
        told, first, later = pages("kept")
        self.assertTrue(told)
        self.assertLess(later, max(first, 16) / 4)

    def test_glibc_gives_it_back_otherwise(self):
        """So the test above can fail."""
        _, first, later = pages("plain")
        self.assertGreater(later, first / 4)


if __name__ == "__main__":
    unittest.main()
