"""Compares the hashes in numpy with the compiled ones."""

import unittest

import numpy as np

from gristmill_shards.blake3 import blake3_numpy
from gristmill_shards.xxh3 import xxh3_64_numpy

try:
    import blake3
except ImportError:
    blake3 = None
try:
    import xxhash
except ImportError:
    xxhash = None

DATA = np.random.default_rng(1).integers(0, 256, 70_000, np.uint8).tobytes()


class Hashes(unittest.TestCase):
    @unittest.skipIf(xxhash is None, "xxhash is not installed")
    def test_xxh3_of_every_length(self):
        for n in [*range(1300), 4096, 65_536, 65_537, 70_000]:
            self.assertEqual(xxh3_64_numpy(DATA[:n]), xxhash.xxh3_64_intdigest(DATA[:n]), n)

    @unittest.skipIf(blake3 is None, "blake3 is not installed")
    def test_blake3_of_every_shape_of_tree(self):
        for n in [0, 1, 63, 64, 65, 1023, 1024, 1025, 2048, 3073, 5121, 7168, 16_385, 70_000]:
            self.assertEqual(blake3_numpy(DATA[:n]), blake3.blake3(DATA[:n]).digest(), n)

    def test_known_values(self):
        """Values from the specifications, for a test without the compiled modules."""
        self.assertEqual(xxh3_64_numpy(b""), 0x2D06800538D394C2)
        self.assertTrue(blake3_numpy(b"").hex().startswith("af1349b9f5f9a1a6a0404dea36dcc949"))
