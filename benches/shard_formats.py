#!/usr/bin/env python3
"""Loads a dataset's exports with each trainer's own reader and compares every token and document.

usage: shard_formats.py TARGET_RELEASE [--work DIR] [--documents N] [--only FORMAT]

TARGET_RELEASE holds examples/formats (`cargo build --release -p gristmill-shards --examples`).
Needs numpy, torch, blake3, megatron-core, datatrove, mosaicml-streaming and litdata.
"""
import sys

sys.path.pop(0)  # else html.py and others beside this file are taken for Python's own

import argparse, gzip, json, os, pathlib, pickle, shutil, struct, subprocess

import numpy as np

parser = argparse.ArgumentParser()
parser.add_argument("release", type=pathlib.Path)
parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("runs/shard-formats"))
parser.add_argument("--documents", type=int, default=3000)
parser.add_argument("--only", default="")
options = parser.parse_args()
work = options.work.resolve()
# litdata keeps copies under the home folder otherwise.
os.environ["LITDATA_CACHE_DIR"] = str(work / "litdata-cache")
END_OF_TEXT = 0


def formats(*arguments):
    command = [options.release / "examples/formats", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def dataset(folder):
    """The shards of each half as (name, tokens, ends of the documents), read by nothing of ours."""
    manifest = json.loads((folder / "shards.json").read_text())
    dtype = {"u16": np.uint16, "u32": np.uint32}[manifest["token_type"]]
    halves = {"train": [], "validation": []}
    for shard in manifest["shards"]:
        tokens = np.fromfile(folder / f"{shard['name']}.bin", dtype)
        # Random tokens are above 0, so the documents are known without the index.
        ends = np.flatnonzero(tokens == END_OF_TEXT) + 1
        assert (len(tokens), len(ends)) == (shard["counts"]["tokens"], shard["counts"]["documents"])
        halves[shard["split"]].append((shard["name"], tokens, ends))
    return manifest, dtype, halves


def documents(shards):
    return [document for _, tokens, ends in shards for document in np.split(tokens, ends[:-1])]


def equal(found, expected, what):
    assert len(found) == len(expected), (what, len(found), len(expected))
    assert all(np.array_equal(a, b) for a, b in zip(found, expected)), what


def check_nanogpt(folder, dtype, halves, manifest):
    for half, name in [("train", "train.bin"), ("validation", "val.bin")]:
        # As train.py's get_batch reads it.
        data = np.memmap(folder / name, dtype=np.uint16, mode="r")
        equal([data], [np.concatenate([tokens for _, tokens, _ in halves[half]])], name)
    meta = pickle.loads((folder / "meta.pkl").read_bytes())
    assert meta["vocab_size"] == manifest["vocab_size"] and meta["dtype"] == "uint16", meta
    return f"numpy {np.__version__}"


def check_megatron(folder, dtype, halves, manifest):
    import megatron.core
    from megatron.core.datasets.indexed_dataset import IndexedDataset
    for shards in halves.values():
        for name, tokens, ends in shards:
            for mmap in (True, False):
                data = IndexedDataset(str(folder / name), mmap=mmap)
                equal([data[i] for i in range(len(data))], np.split(tokens, ends[:-1]), name)
                assert np.array_equal(data.document_indices, np.arange(len(ends) + 1)), name
    return f"megatron-core {megatron.core.__version__}"


def check_datatrove(folder, dtype, halves, manifest):
    import datatrove
    from datatrove.utils.dataset import DatatroveFileDataset
    length = 64
    for shards in halves.values():
        for name, tokens, ends in shards:
            data = DatatroveFileDataset(
                str(folder / f"{name}.ds"), seq_len=length, token_size=dtype().itemsize,
                return_positions=True,
            )
            rows = [data[i] for i in range(len(data))]
            n = len(rows) * (length + 1)
            assert n == len(tokens) // (length + 1) * (length + 1), name
            equal([np.concatenate([row["input_ids"].numpy() for row in rows])], [tokens[:n]], name)
            # A position is a token's place in its document, counted from 0 in each row.
            starts = np.zeros(len(tokens), np.int64)
            starts[ends[:-1]] = ends[:-1]
            starts[np.arange(0, n, length + 1)] = np.arange(0, n, length + 1)
            places = np.arange(len(tokens)) - np.maximum.accumulate(starts)
            equal([np.concatenate([row["positions"].numpy() for row in rows])], [places[:n]], name)
            lines = (folder / f"{name}.ds.metadata").read_text().split("\n")
            assert lines[0].endswith(f"|{dtype().itemsize}") and int(lines[1]) == len(tokens)
    return "datatrove " + __import__("importlib.metadata").metadata.version("datatrove")


def check_olmo(folder, dtype, halves, manifest):
    for shards in halves.values():
        for name, tokens, ends in shards:
            # As OLMo's memory-mapped dataset reads it.
            data = np.memmap(folder / f"{name}.npy", dtype=dtype, mode="r")
            rows = gzip.open(folder / f"{name}.csv.gz", "rt").read().splitlines()
            found = [data[int(a):int(b)] for a, b, *_ in (row.split(",") for row in rows)]
            equal(found, np.split(tokens, ends[:-1]), name)
    return f"numpy {np.__version__}"


def check_llmc(folder, dtype, halves, manifest):
    wide = dtype == np.uint32
    for half, mark in [("validation", "val"), ("train", "train")]:
        files = sorted(folder.glob(f"*_{mark}_*.bin"))
        found = []
        for file, (name, tokens, ends) in zip(files, halves[half], strict=True):
            # As llm.c's dev/data and modded-nanogpt's train_gpt.py read it.
            header = np.fromfile(file, np.int32, 256)
            assert tuple(header[:2]) == ((20240801, 7) if wide else (20240520, 1)), file
            body = np.fromfile(file, dtype, offset=1024)
            assert header[2] == len(body) and file.stat().st_size == 1024 + body.nbytes, file
            starts = np.flatnonzero(body == END_OF_TEXT)
            assert starts[0] == 0, file
            rotated = [np.append(part[1:], part[:1]) for part in np.split(body, starts[1:])]
            equal(rotated, np.split(tokens, ends[:-1]), file.name)
    return f"numpy {np.__version__}"


def check_mds(folder, dtype, halves, manifest):
    import streaming
    from streaming import StreamingDataset
    from streaming.base.util import clean_stale_shared_memory
    for half, shards in halves.items():
        clean_stale_shared_memory()
        data = StreamingDataset(local=str(folder), split=half, shuffle=False, batch_size=1)
        equal([data[i]["tokens"] for i in range(len(data))], documents(shards), half)
    return f"mosaicml-streaming {streaming.__version__}"


def check_litdata(folder, dtype, halves, manifest):
    import litdata
    from litdata import StreamingDataset, TokensLoader
    block = 16
    for half, shards in halves.items():
        data = StreamingDataset(str(folder / half), item_loader=TokensLoader(block), shuffle=False)
        # Blocks do not cross chunks: the end of each chunk that fills no block is not served.
        expected = [row for _, tokens, _ in shards
                    for row in tokens[: len(tokens) // block * block].reshape(-1, block)]
        equal([row.numpy().astype(dtype) for row in data], expected, half)
        # The offsets are the documents' bounds.
        for number, (name, tokens, ends) in enumerate(shards):
            raw = (folder / half / f"chunk-0-{number}.bin").read_bytes()
            offsets = np.frombuffer(raw, np.uint32, len(ends) + 1, 4)
            assert np.array_equal((offsets[1:] - offsets[0]) // dtype().itemsize, ends), name
    return "litdata " + __import__("importlib.metadata").metadata.version("litdata")


CHECKS = {
    "nanogpt": check_nanogpt, "megatron": check_megatron, "datatrove": check_datatrove,
    "olmo": check_olmo, "llmc": check_llmc, "mds": check_mds, "litdata": check_litdata,
}
IMPORTED = {"nanogpt": "*.bin", "megatron": "*.bin", "datatrove": "*.ds", "llmc": "*.bin"}


def check_sums(folder):
    """The sidecars by another implementation of BLAKE3."""
    from blake3 import blake3
    manifest = json.loads((folder / "shards.json").read_text())
    for shard in manifest["shards"]:
        sums = (folder / f"{shard['name']}.sums").read_bytes()
        assert blake3(sums).hexdigest() == shard["sums_blake3"]
        magic, block, *sizes = struct.unpack("<8s3Q", sums[:32])
        at = 32
        for extension, size in zip(["bin", "idx"], sizes):
            raw = (folder / f"{shard['name']}.{extension}").read_bytes()
            assert (magic, block, size) == (b"GRISTSUM", 1 << 20, len(raw))
            for start in range(0, size, block):
                assert sums[at:at + 32] == blake3(raw[start:start + block]).digest()
                at += 32
            if extension == "bin":
                assert blake3(raw).hexdigest() == shard["blake3"]
        assert at == len(sums)


shutil.rmtree(work, ignore_errors=True)
work.mkdir(parents=True)
failed = 0
for kind, vocab_size in [("u16", 50_257), ("u32", 128_256)]:
    folder = work / kind
    formats("make", folder, vocab_size, options.documents, 300, 200_000, 5)
    manifest, dtype, halves = dataset(folder)
    check_sums(folder)
    n_tokens = sum(len(tokens) for shards in halves.values() for _, tokens, _ in shards)
    print(f"{kind}: {len(manifest['shards'])} shards, {n_tokens:,} tokens; sums equal blake3's", flush=True)
    for name, check in CHECKS.items():
        if options.only not in name or (name, kind) == ("nanogpt", "u32"):
            continue
        output = work / f"{kind}-{name}"
        try:
            formats("export", folder, name, output)
            reader = check(output, dtype, halves, manifest)
            text = f"every token and document equal by {reader}"
            if name in IMPORTED:
                again = work / f"{kind}-{name}-imported"
                formats("import", name, vocab_size, END_OF_TEXT, again, *sorted(output.glob(IMPORTED[name])))
                for half, shards in dataset(again)[2].items():
                    equal(documents(shards), documents(halves[half]), f"{name} imported")
                text += "; imported again, the same"
            print(f"{kind} {name}: {text}", flush=True)
        except Exception as error:
            failed += 1
            print(f"{kind} {name}: FAILED {type(error).__name__}: {error}", flush=True)
sys.exit(failed > 0)
