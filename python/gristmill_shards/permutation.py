"""A shuffle as a function: computes any element of a keyed permutation, without a table.

A Feistel network of eight rounds permutes the numbers of `b` bits. Numbers beyond the length pass
through it again until the result is in range (cycle walking). The arithmetic equals that of the
Rust crate, bit for bit.
"""

import numpy as np

_GOLDEN = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1
_ROUNDS = 8
_DOMAIN_BITS_MIN = 8
# Up to this length all elements are computed at once and kept, because cycle walking takes many
# passes for short lengths.
_TABLE_LENGTH_MAX = 4096
_SHIFTS = tuple(np.uint64(bits) for bits in (30, 27, 31))
_FACTORS = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def _mix(x):
    x = (x ^ (x >> _SHIFTS[0])) * _FACTORS[0]
    x = (x ^ (x >> _SHIFTS[1])) * _FACTORS[1]
    return x ^ (x >> _SHIFTS[2])


class Permutation:
    """The permutation of `0..length` with a key."""

    def __init__(self, length, key):
        bits = max((max(length, 1) - 1).bit_length(), _DOMAIN_BITS_MIN)
        low_bits = bits // 2
        self.length = length
        self._shift = np.uint64(low_bits)
        self._low = np.uint64((1 << low_bits) - 1)
        self._high = np.uint64((1 << (bits - low_bits)) - 1)
        states = [key + _GOLDEN * (i + 1) & _MASK for i in range(_ROUNDS)]
        self._keys = [_mix(np.array([state], np.uint64)) for state in states]
        self._table = None
        if length <= _TABLE_LENGTH_MAX:
            # After one pass over the whole domain, cycle walking only looks up its results.
            passed = self._forward(np.arange(1 << bits, dtype=np.uint64))
            self._table = self._walk(passed[:length], lambda values: passed[values])

    def __call__(self, indices):
        """Returns the images of an array of indices, all below the length."""
        indices = np.asarray(indices, np.uint64)
        if self._table is not None:
            return self._table[indices]
        return self._walk(self._forward(indices), self._forward)

    def _walk(self, values, forward):
        """Passes numbers through the network until all are below the length."""
        values = values.copy()
        outside = np.flatnonzero(values >= self.length)
        while outside.size:
            values[outside] = forward(values[outside])
            outside = outside[values[outside] >= self.length]
        return values

    def _forward(self, values):
        low, high = values & self._low, values >> self._shift
        for first, second in zip(self._keys[::2], self._keys[1::2]):
            low = low ^ (_mix(high + first) & self._low)
            high = high ^ (_mix(low + second) & self._high)
        return high << self._shift | low
