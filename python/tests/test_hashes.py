"""The hashes in numpy against the compiled ones."""

import numpy as np
import pytest

from gristmill_shards.blake3 import blake3_numpy
from gristmill_shards.xxh3 import xxh3_64_numpy

DATA = np.random.default_rng(1).integers(0, 256, 70_000, np.uint8).tobytes()


def test_xxh3_of_every_length():
    xxhash = pytest.importorskip("xxhash")
    for n in [*range(1300), 4096, 65_536, 65_537, 70_000]:
        assert xxh3_64_numpy(DATA[:n]) == xxhash.xxh3_64_intdigest(DATA[:n]), n


def test_blake3_of_every_shape_of_tree():
    blake3 = pytest.importorskip("blake3").blake3
    for n in [0, 1, 63, 64, 65, 1023, 1024, 1025, 2048, 3073, 5121, 7168, 16_385, 70_000]:
        assert blake3_numpy(DATA[:n]) == blake3(DATA[:n]).digest(), n


def test_known_values():
    """From the specifications, so that the test says something without the compiled modules."""
    assert xxh3_64_numpy(b"") == 0x2D06800538D394C2
    assert blake3_numpy(b"").hex().startswith("af1349b9f5f9a1a6a0404dea36dcc949")
