"""A folder of token shards: the description and the payloads, which are mapped on first use."""

import json
from collections import OrderedDict
from pathlib import Path

import numpy as np

from .blake3 import blake3
from .errors import DamagedError, ShardError

SCHEMA = "gristmill/shards/2"
BLOCK_BYTES = 1 << 20
# Each map keeps a file open, and by default a process may have 1,024 open files.
MAPS_MAX = 256

_DTYPES = {"u16": np.dtype("<u2"), "u32": np.dtype("<u4")}


class Dataset:
    """One split of a folder of shards.

    A shard is opened when its tokens are first read. With `check`, each block of 1 MiB is compared
    with its BLAKE3 digest before its first use. This takes about 20 ms per block in numpy; with the
    package `blake3` it takes less than 1 ms.
    """

    def __init__(self, folder, split="train", check=True):
        self.folder = Path(folder)
        path = self.folder / "shards.json"
        try:
            manifest = json.loads(path.read_bytes())
        except ValueError as error:
            raise ShardError(f"{path}: {error}") from error
        if not isinstance(manifest, dict) or manifest.get("schema") != SCHEMA:
            found = manifest.get("schema") if isinstance(manifest, dict) else manifest
            raise ShardError(f"{path}: its format is `{found}`, not `{SCHEMA}`")
        self.manifest = manifest
        self.root = manifest["root"]
        self.dtype = _DTYPES[manifest["token_type"]]
        self.vocab_size = manifest["vocab_size"]
        self.end_of_text = manifest["end_of_text"]
        self.split = split
        self.shards = [shard for shard in manifest["shards"] if shard["split"] == split]
        self.check = check
        self._maps = OrderedDict()
        self._sums = {}

    def __getstate__(self):
        # Maps are not sent to worker processes. Each process opens its own.
        return {**self.__dict__, "_maps": OrderedDict(), "_sums": {}}

    def tokens(self, shard, start, length):
        """Returns a stretch of a shard's tokens, as a view of the mapped file with its type."""
        payload = self._payload(shard)
        end = start + length
        if end > len(payload):
            raise ShardError(f"shard {shard} has {len(payload)} tokens, not {end}")
        if self.check:
            self._check(shard, payload, start * self.dtype.itemsize, end * self.dtype.itemsize)
        return payload[start:end]

    def document_tokens(self, shard):
        """Returns the lengths of a shard's documents in tokens, from its index (Megatron-LM's
        version 1)."""
        path = self._path(shard, "idx")
        data = path.read_bytes()
        n = int.from_bytes(data[18:26], "little")
        if data[:9] != b"MMIDIDX\0\0" or len(data) != 34 + 20 * n + 8:
            raise DamagedError(path, 0, len(data))
        if self.check:
            sums = self._sums_bytes(shard)
            blocks = [data[at : at + BLOCK_BYTES] for at in range(0, len(data), BLOCK_BYTES)]
            if not sums.endswith(b"".join(blake3(block) for block in blocks)):
                raise DamagedError(path, 0, len(data))
        return np.frombuffer(data, "<i4", n, 34)

    def _path(self, shard, extension):
        return self.folder / f"{self.shards[shard]['name']}.{extension}"

    def _payload(self, shard):
        payload = self._maps.get(shard)
        if payload is not None:
            self._maps.move_to_end(shard)
            return payload
        if not 0 <= shard < len(self.shards):
            raise ShardError(f"shard {shard} does not exist: there are {len(self.shards)}")
        path, tokens = self._path(shard, "bin"), self.shards[shard]["counts"]["tokens"]
        size, expected = path.stat().st_size, tokens * self.dtype.itemsize
        if size != expected:
            raise ShardError(f"{path}: has {size} bytes, {expected} were written")
        payload = np.zeros(0, self.dtype)
        if size:
            # A plain array: each slice of an np.memmap would cost microseconds.
            payload = np.asarray(np.memmap(path, self.dtype, "r"))
        self._maps[shard] = payload
        if len(self._maps) > MAPS_MAX:
            self._maps.popitem(last=False)
        return payload

    def _check(self, shard, payload, start, end):
        known = self._sums.get(shard)
        if known is None:
            known = self._sums[shard] = self._read_sums(shard, payload.nbytes)
        digests, good = known
        for block in range(start // BLOCK_BYTES, -(-end // BLOCK_BYTES)):
            if good[block]:
                continue
            low, high = block * BLOCK_BYTES, min((block + 1) * BLOCK_BYTES, payload.nbytes)
            width = self.dtype.itemsize
            if blake3(payload[low // width : high // width]) != digests[block]:
                raise DamagedError(self._path(shard, "bin"), low, high)
            good[block] = True

    def _read_sums(self, shard, payload_bytes):
        path, data = self._path(shard, "sums"), self._sums_bytes(shard)
        header = np.frombuffer(data, "<u8", 3, 8)
        if data[:8] != b"GRISTSUM" or int(header[0]) != BLOCK_BYTES or header[1] != payload_bytes:
            raise DamagedError(path, 0, len(data))
        n_blocks = -(-payload_bytes // BLOCK_BYTES)
        digests = [data[32 + 32 * block : 64 + 32 * block] for block in range(n_blocks)]
        return digests, np.zeros(n_blocks, bool)

    def _sums_bytes(self, shard):
        path = self._path(shard, "sums")
        data = path.read_bytes()
        if blake3(data).hex() != self.shards[shard]["sums_blake3"]:
            raise DamagedError(path, 0, len(data))
        return data
