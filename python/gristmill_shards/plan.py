"""Packing plans: the arrangement of documents in rows. `gristmill shards pack` writes them.

The layout, little-endian: `GRISTPLN`; the segments (shard, start and length, u32 each); the index
of each row's first segment, and the number of segments (u64); the XXH3-64 of each MiB of everything
before (u64); the header as JSON; the size of the header in bytes (u64); `GRISTPLN`.
"""

import json
from pathlib import Path

import numpy as np

from .errors import DamagedError, ShardError
from .xxh3 import xxh3_64

SCHEMA = "gristmill/plan/1"
BLOCK_BYTES = 1 << 20
_MAGIC = b"GRISTPLN"


class Plan:
    """A mapped plan file. Its blocks are checked when they are first read.

    A row for `sequence_length` positions has one more token: the inputs are all tokens except the
    last, the labels all except the first. If a document is cut, the token at the cut is in both
    rows, as a label in one and as an input in the other, so no label is lost.
    """

    def __init__(self, path):
        self.path = Path(path)
        self._map()
        data = self._bytes
        size = len(data)
        if size < 32 or data[:8].tobytes() != _MAGIC or data[-8:].tobytes() != _MAGIC:
            raise ShardError(f"{path}: not a packing plan; `gristmill shards pack` makes one")
        json_at = size - 16 - int.from_bytes(data[-16:-8].tobytes(), "little")
        if json_at < 0:
            raise ShardError(f"{path}: was cut or changed")
        text = data[json_at : size - 16].tobytes()
        try:
            self.header = json.loads(text)
        except ValueError as error:
            raise ShardError(f"{path}: {error}") from error
        if self.header.get("schema") != SCHEMA:
            raise ShardError(f"{path}: its format is `{self.header.get('schema')}`, not `{SCHEMA}`")
        self.digest = f"{xxh3_64(text):016x}"
        self.root = self.header["root"]
        self.split = self.header["split"]
        self.sequence_length = self.header["sequence_length"]
        self.row_tokens = self.sequence_length + 1
        statistics = [source["statistics"] for source in self.header["sources"]]
        self.sources = [
            (source["name"], source["statistics"]["rows"]) for source in self.header["sources"]
        ]
        self.n_rows = sum(counts["rows"] for counts in statistics)
        self.n_segments = sum(counts["segments"] for counts in statistics)
        self._rows_at = 8 + 12 * self.n_segments
        self._sums_at = self._rows_at + 8 * (self.n_rows + 1)
        n_blocks = -(-self._sums_at // BLOCK_BYTES)
        if self._sums_at + 8 * n_blocks != json_at:
            raise ShardError(f"{path}: its size differs from its header; it was cut or changed")
        sums = data[self._sums_at : json_at].tobytes()
        if f"{xxh3_64(sums):016x}" != self.header["sums"]:
            raise ShardError(f"{path}: its checksums differ from what was written")
        self._sums = np.frombuffer(sums, "<u8")
        self._good = np.zeros(n_blocks, bool)

    def _map(self):
        # A plain array: each slice of an np.memmap would cost microseconds.
        self._bytes = np.asarray(np.memmap(self.path, np.uint8, "r"))

    def __getstate__(self):
        return {key: value for key, value in self.__dict__.items() if key != "_bytes"}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._map()

    def row(self, row):
        """Returns the segments of a row: an array `(segments, 3)` of shard, start and length."""
        row = int(row)
        if not 0 <= row < self.n_rows:
            raise ShardError(f"row {row} does not exist: there are {self.n_rows}")
        at = self._rows_at + 8 * row
        first, end = np.frombuffer(self._checked(at, at + 16), "<u8").tolist()
        if not first <= end <= self.n_segments:
            raise ShardError(f"{self.path}: row {row} has segments {first} to {end}")
        segments = self._checked(8 + 12 * first, 8 + 12 * end)
        return np.frombuffer(segments, "<u4").reshape(-1, 3)

    def _checked(self, start, end):
        for block in range(start // BLOCK_BYTES, -(-end // BLOCK_BYTES)):
            if not self._good[block]:
                low, high = block * BLOCK_BYTES, min((block + 1) * BLOCK_BYTES, self._sums_at)
                if xxh3_64(self._bytes[low:high]) != int(self._sums[block]):
                    raise DamagedError(self.path, low, high)
                self._good[block] = True
        return self._bytes[start:end]
