#!/usr/bin/env python3
"""Checks that no token is lost or invented between a run's kept texts and its shards.

usage: shard_conservation.py RUN [--limit N]

RUN is a finished run directory with shards. The script encodes the kept texts again with Hugging
Face's `tokenizers` and compares every token with the payload. If there are more than N documents,
it encodes only every k-th. Then it compares the totals of shards, description, table of documents,
index and the new encoding. Needs numpy, pyarrow, tokenizers and xxhash.
"""
import sys

sys.path.pop(0)  # Otherwise html.py beside this file would hide Python's own module.

import argparse, collections, json, os, pathlib

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
import numpy as np
import pyarrow.parquet as parquet
import xxhash
from tokenizers import Tokenizer

parser = argparse.ArgumentParser()
parser.add_argument("run", type=pathlib.Path)
parser.add_argument("--limit", type=int, default=1 << 60)
options = parser.parse_args()
folder = options.run / "shards"
manifest = json.loads((folder / "shards.json").read_text())
dtype = {"u16": np.uint16, "u32": np.uint32}[manifest["token_type"]]
tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
token_bytes = np.fromfile(folder / "token_bytes.bin", np.uint16).astype(np.int64)
end, rule = manifest["end_of_text"], manifest["validation"]
assert rule["hash"] == "xxh3_64(text)"

payloads = {}
by_shard, by_index = collections.Counter(), collections.Counter()
for shard in manifest["shards"]:
    half, number = shard["name"].rsplit("-", 1)
    tokens = np.memmap(folder / f"{shard['name']}.bin", dtype, "r")
    payloads[half, int(number)] = tokens
    index = (folder / f"{shard['name']}.idx").read_bytes()
    n = int.from_bytes(index[18:26], "little")
    by_index.update(tokens=int(np.frombuffer(index, "<i4", n, 34).sum()), documents=n)
    by_shard.update(tokens=len(tokens), documents=n, bytes=int(token_bytes[tokens].sum()))
by_entry, by_source = collections.Counter(), collections.Counter()
for shard in manifest["shards"]:
    by_entry.update(shard["counts"])
for source in manifest["sources"]:
    by_source.update(source["train"])
    by_source.update(source["validation"])

table = parquet.read_table(folder / "docs.parquet", columns=[
    "doc_id", "split", "shard", "token_start", "n_tokens", "n_bytes"]).to_pydict()
place = {d: i for i, d in enumerate(table["doc_id"])}
by_table = collections.Counter(
    tokens=sum(table["n_tokens"]), documents=len(place), bytes=sum(table["n_bytes"]))
assert len(place) == len(table["doc_id"]), "a document is listed twice"

files = sorted((options.run / "docs").glob("*.parquet"))
kept = sum(parquet.ParquetFile(file).metadata.num_rows for file in files)
every = max(1, -(-kept // options.limit))
again, different, seen = collections.Counter(), 0, 0
for file in files:
    rows = parquet.read_table(file, columns=["doc_id", "text"]).to_pydict()
    for doc_id, text in zip(rows["doc_id"], rows["text"]):
        seen += 1
        at = place.pop(doc_id)
        if seen % every:
            continue
        raw = text.encode()
        encoded = tokenizer.encode(text, add_special_tokens=False).ids
        ids = np.append(np.array(encoded, np.int64), end)
        half = "validation" if xxhash.xxh3_64_intdigest(raw) >> 11 < rule["threshold"] else "train"
        start = table["token_start"][at]
        stored = payloads[half, table["shard"][at]][start : start + table["n_tokens"][at]]
        again.update(tokens=len(ids), documents=1, bytes=len(raw))
        different += not (table["split"][at] == half and np.array_equal(stored, ids)
                          and table["n_bytes"][at] == len(raw) == int(token_bytes[ids].sum()))
WHATS = ("tokens", "documents", "bytes")
print(f"kept documents: {seen:,}, documents of the table that were not kept: {len(place):,}")
for name, counts in [
    ("shards' payloads", by_shard), ("their indexes", by_index),
    ("description, by shard", by_entry), ("description, by source", by_source),
    ("table of documents", by_table), (f"encoded again, 1 of {every}", again),
]:
    cells = (f"{counts[what]:>14,} {what}" for what in WHATS if what in counts)
    print(f"{name:24}" + "".join(cells))
print(f"documents with different tokens, bytes or split: {different}")
totals = [by_shard, by_entry, by_source, by_table]
if every == 1:
    totals.append(again)
sums = [tuple(counts[what] for what in WHATS) for counts in totals]
sys.exit(bool(different or place or seen != len(table["doc_id"]) or len(set(sums)) > 1
              or any(by_index[what] != by_shard[what] for what in by_index)))
