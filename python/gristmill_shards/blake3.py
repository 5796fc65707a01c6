"""BLAKE3's 256-bit digest in numpy. If the module `blake3` is installed, it is used instead.

The algorithm is that of "BLAKE3: one function, fast everywhere" (O'Connor et al. 2020), section 2.
Chunks of 1,024 bytes do not depend on each other, so each step is computed for all of them at once.
"""

import numpy as np

try:
    from blake3 import blake3 as _blake3
except ImportError:
    _blake3 = None

_IV = np.array(
    [
        0x6A09E667,
        0xBB67AE85,
        0x3C6EF372,
        0xA54FF53A,
        0x510E527F,
        0x9B05688C,
        0x1F83D9AB,
        0x5BE0CD19,
    ],
    np.uint32,
)[:, None]
_CHUNK_START, _CHUNK_END, _PARENT, _ROOT = 1, 2, 4, 8
_CHUNK, _BLOCK = 1024, 64


def _schedules():
    """Returns the order of the message words in each of the seven rounds: 4 times 4 indices."""
    order = np.arange(16)
    permutation = np.array([2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8])
    rounds = []
    for _ in range(7):
        rounds.append([order[0:8:2], order[1:8:2], order[8:16:2], order[9:16:2]])
        order = order[permutation]
    return rounds


_ROUNDS = _schedules()


def _rotate(x, bits):
    return x >> np.uint32(bits) | x << np.uint32(32 - bits)


def _mix(a, b, c, d, first, second):
    a = a + b + first
    d = _rotate(d ^ a, 16)
    c = c + d
    b = _rotate(b ^ c, 12)
    a = a + b + second
    d = _rotate(d ^ a, 8)
    c = c + d
    return a, _rotate(b ^ c, 7), c, d


def _compress(chaining, words, counters, length, flags):
    """Returns the next chaining values `(8, n)` of n streams, from message words `(16, n)`."""
    a, b = chaining[:4], chaining[4:]
    c = np.broadcast_to(_IV[:4], a.shape)
    d = np.empty_like(a)
    d[0], d[1] = counters & 0xFFFFFFFF, counters >> 32
    d[2], d[3] = length, flags
    for first, second, third, fourth in _ROUNDS:
        a, b, c, d = _mix(a, b, c, d, words[first], words[second])
        b, c, d = np.roll(b, -1, 0), np.roll(c, -2, 0), np.roll(d, -3, 0)
        a, b, c, d = _mix(a, b, c, d, words[third], words[fourth])
        b, c, d = np.roll(b, 1, 0), np.roll(c, 2, 0), np.roll(d, 3, 0)
    return np.concatenate([a ^ c, b ^ d])


def _chunks(data, first, chunk_bytes, is_root):
    """Returns the chaining values `(8, n)` of chunks of `chunk_bytes`, numbered from `first`."""
    n = len(data) // chunk_bytes if chunk_bytes else 1
    n_blocks = max(1, -(-chunk_bytes // _BLOCK))
    padded = np.zeros((n, n_blocks * _BLOCK), np.uint8)
    padded[:, :chunk_bytes] = np.frombuffer(data, np.uint8).reshape(n, chunk_bytes)
    words = np.ascontiguousarray(padded.view("<u4").reshape(n, n_blocks, 16).transpose(1, 2, 0))
    chaining = np.repeat(_IV, n, axis=1)
    counters = np.arange(first, first + n, dtype=np.uint64)
    for block in range(n_blocks):
        last = block == n_blocks - 1
        flags = _CHUNK_START * (block == 0) | _CHUNK_END * last | _ROOT * (last and is_root)
        length = chunk_bytes - block * _BLOCK if last else _BLOCK
        chaining = _compress(chaining, words[block], counters, length, flags)
    return chaining


def blake3_numpy(data):
    """Returns the digest of bytes, without the compiled module."""
    data = memoryview(data).cast("B")
    whole = len(data) // _CHUNK
    rest = len(data) - whole * _CHUNK
    is_one = len(data) <= _CHUNK
    parts = []
    if whole:
        parts.append(_chunks(data[: whole * _CHUNK], 0, _CHUNK, is_one))
    if rest or not whole:
        parts.append(_chunks(data[whole * _CHUNK :], whole, rest, is_one))
    nodes = np.concatenate(parts, axis=1)
    while nodes.shape[1] > 1:
        n = nodes.shape[1]
        pairs = n // 2
        words = np.concatenate([nodes[:, 0 : 2 * pairs : 2], nodes[:, 1 : 2 * pairs : 2]])
        flags = _PARENT | _ROOT * (n == 2)
        counters = np.zeros(pairs, np.uint64)
        parents = _compress(np.repeat(_IV, pairs, axis=1), words, counters, _BLOCK, flags)
        # A node without a partner moves up unchanged to the level where it gets one.
        nodes = np.concatenate([parents, nodes[:, 2 * pairs :]], axis=1)
    return nodes[:, 0].astype("<u4").tobytes()


def blake3(data):
    """Returns the digest of bytes: 32 bytes."""
    if _blake3 is not None:
        return _blake3(memoryview(data).cast("B")).digest()
    return blake3_numpy(data)
