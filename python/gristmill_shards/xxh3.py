"""XXH3-64 (seed 0) in numpy. If the C module `xxhash` is installed, it is used instead.

The algorithm follows Yann Collet's specification (xxHash, doc/xxhash_spec.md, XXH3). Within a block
of 1,024 bytes the eight lanes are only added to, so numpy computes the sums of all blocks at once,
and only the scrambling between blocks is a loop.
"""

import numpy as np

try:
    import xxhash as _xxhash
except ImportError:
    _xxhash = None

_MASK = (1 << 64) - 1
_PRIME32_1, _PRIME32_2, _PRIME32_3 = 0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D
_PRIME64_1, _PRIME64_2 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F
_PRIME64_3, _PRIME64_4 = 0x165667B19E3779F9, 0x85EBCA77C2B2AE63
_PRIME64_5 = 0x27D4EB2F165667C5

# The specification's default secret, 192 bytes.
_SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671f"
    "cb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c"
    "3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8"
    "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364"
    "eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e"
    "2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e"
)
_STRIPE, _BLOCK, _STRIPES = 64, 1024, 16


def _u32(data, at):
    return int.from_bytes(data[at : at + 4], "little")


def _u64(data, at):
    return int.from_bytes(data[at : at + 8], "little")


def _fold(a, b):
    product = a * b
    return (product & _MASK) ^ (product >> 64)


def _rotate(x, bits):
    return (x << bits | x >> (64 - bits)) & _MASK


def _avalanche(h):
    h ^= h >> 37
    h = h * 0x165667919E3779F9 & _MASK
    return h ^ h >> 32


def _avalanche_xxh64(h):
    h ^= h >> 33
    h = h * _PRIME64_2 & _MASK
    h ^= h >> 29
    h = h * _PRIME64_3 & _MASK
    return h ^ h >> 32


def _up_to_16(data):
    n = len(data)
    if n == 0:
        return _avalanche_xxh64(_u64(_SECRET, 56) ^ _u64(_SECRET, 64))
    if n <= 3:
        word = data[0] << 16 | data[n >> 1] << 24 | data[n - 1] | n << 8
        return _avalanche_xxh64(word ^ _u32(_SECRET, 0) ^ _u32(_SECRET, 4))
    if n <= 8:
        word = _u32(data, n - 4) + (_u32(data, 0) << 32)
        h = word ^ _u64(_SECRET, 8) ^ _u64(_SECRET, 16)
        h ^= _rotate(h, 49) ^ _rotate(h, 24)
        h = h * 0x9FB21C651E98DF25 & _MASK
        h ^= (h >> 35) + n & _MASK
        h = h * 0x9FB21C651E98DF25 & _MASK
        return h ^ h >> 28
    low = _u64(data, 0) ^ _u64(_SECRET, 24) ^ _u64(_SECRET, 32)
    high = _u64(data, n - 8) ^ _u64(_SECRET, 40) ^ _u64(_SECRET, 48)
    swapped = int.from_bytes(low.to_bytes(8, "little"), "big")
    return _avalanche(n + swapped + high + _fold(low, high) & _MASK)


def _mix16(data, at, secret_at):
    return _fold(
        _u64(data, at) ^ _u64(_SECRET, secret_at), _u64(data, at + 8) ^ _u64(_SECRET, secret_at + 8)
    )


def _up_to_240(data):
    n = len(data)
    total = n * _PRIME64_1
    if n <= 128:
        for pair in range((n - 1) // 32, -1, -1):
            total += _mix16(data, 16 * pair, 32 * pair)
            total += _mix16(data, n - 16 * (pair + 1), 32 * pair + 16)
        return _avalanche(total & _MASK)
    for i in range(8):
        total += _mix16(data, 16 * i, 16 * i)
    total = _avalanche(total & _MASK)
    for i in range(8, n // 16):
        total += _mix16(data, 16 * i, 16 * (i - 8) + 3)
    total += _mix16(data, n - 16, 136 - 17)
    return _avalanche(total & _MASK)


def _words(data):
    return np.frombuffer(data, "<u8")


_KEYS = np.stack([_words(_SECRET[8 * i : 8 * i + 64]) for i in range(_STRIPES)])
_SCRAMBLE_KEY = _words(_SECRET[128:192])
_LAST_KEY = _words(_SECRET[121:185])
_SWAP = np.arange(8) ^ 1
_LOW = np.uint64(0xFFFFFFFF)


def _sums(stripes, keys):
    """Returns what the stripes `(..., n, 8)` add to the lanes: `(..., 8)`."""
    keyed = stripes ^ keys
    products = (keyed & _LOW) * (keyed >> np.uint64(32))
    sums = stripes.sum(axis=-2, dtype=np.uint64)[..., _SWAP]
    return products.sum(axis=-2, dtype=np.uint64) + sums


def _long(data):
    n = len(data)
    n_blocks = (n - 1) // _BLOCK
    lanes = np.array(
        [
            _PRIME32_3,
            _PRIME64_1,
            _PRIME64_2,
            _PRIME64_3,
            _PRIME64_4,
            _PRIME32_2,
            _PRIME64_5,
            _PRIME32_1,
        ],
        np.uint64,
    )
    shift, prime = np.uint64(47), np.uint64(_PRIME32_1)
    # With 4,096 blocks at a time, 30 MB of memory suffice for data of any length.
    for first in range(0, n_blocks, 4096):
        end = min(first + 4096, n_blocks)
        blocks = _words(data[first * _BLOCK : end * _BLOCK]).reshape(-1, _STRIPES, 8)
        for sums in _sums(blocks, _KEYS):
            lanes += sums
            lanes ^= lanes >> shift
            lanes ^= _SCRAMBLE_KEY
            lanes *= prime
    rest = data[n_blocks * _BLOCK :]
    n_stripes = (len(rest) - 1) // _STRIPE
    if n_stripes:
        lanes += _sums(_words(rest[: n_stripes * _STRIPE]).reshape(-1, 8), _KEYS[:n_stripes])
    lanes += _sums(_words(data[n - _STRIPE :]).reshape(1, 8), _LAST_KEY)
    lanes = [int(lane) for lane in lanes]
    total = n * _PRIME64_1
    for i in range(4):
        total += _fold(
            lanes[2 * i] ^ _u64(_SECRET, 11 + 16 * i), lanes[2 * i + 1] ^ _u64(_SECRET, 19 + 16 * i)
        )
    return _avalanche(total & _MASK)


def xxh3_64_numpy(data):
    """Returns the hash of bytes, or of a contiguous array's bytes, without the C module."""
    data = memoryview(data).cast("B")
    if len(data) <= 16:
        return _up_to_16(bytes(data))
    if len(data) <= 240:
        return _up_to_240(bytes(data))
    with np.errstate(over="ignore"):
        return _long(data)


def xxh3_64(data):
    """Returns the hash of bytes, or of a contiguous array's bytes, as an int."""
    if _xxhash is not None:
        return _xxhash.xxh3_64_intdigest(memoryview(data).cast("B"))
    return xxh3_64_numpy(data)
