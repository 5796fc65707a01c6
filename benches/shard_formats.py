#!/usr/bin/env python3
"""Exports a dataset in each format, loads it with the trainer's own reader, and imports it again.

usage: shard_formats.py GRISTMILL SHARDS… [--work DIR] [--only FORMAT]

SHARDS are folders of shards or run directories. Give one with a vocabulary of at most 65,536 tokens
and one with a larger one. Every token and document boundary is compared with the payload as NumPy
reads it. Needs numpy, torch, blake3, megatron-core, datatrove, mosaicml-streaming, litdata and
datasets.
"""
import sys

sys.path.pop(0)  # Otherwise html.py beside this file would hide Python's own module.

import argparse, gzip, json, os, pathlib, pickle, shutil, struct, subprocess

import numpy as np

parser = argparse.ArgumentParser()
parser.add_argument("gristmill", type=pathlib.Path)
parser.add_argument("shards", type=pathlib.Path, nargs="+")
parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("runs/shard-formats"))
parser.add_argument("--only", default="")
options = parser.parse_args()
work = options.work.resolve()
# By default litdata keeps copies in the home folder.
os.environ["LITDATA_CACHE_DIR"] = str(work / "litdata-cache")
os.environ["HF_DATASETS_OFFLINE"] = "1"


def gristmill(*arguments):
    command = [options.gristmill, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True)
    if done.returncode:
        raise RuntimeError(done.stderr.decode().strip())
    return done.stdout


def dataset(folder):
    """Returns the shards of each split as (name, tokens, ends of documents), without our code."""
    manifest = json.loads((folder / "shards.json").read_text())
    dtype = {"u16": np.uint16, "u32": np.uint32}[manifest["token_type"]]
    halves = {"train": [], "validation": []}
    for shard in manifest["shards"]:
        tokens = np.fromfile(folder / f"{shard['name']}.bin", dtype)
        # Texts are never encoded to this id, so it marks the ends of documents without the index.
        ends = np.flatnonzero(tokens == manifest["end_of_text"]) + 1
        assert (len(tokens), len(ends)) == (shard["counts"]["tokens"], shard["counts"]["documents"])
        halves[shard["split"]].append((shard["name"], tokens, ends))
    return manifest, dtype, halves


def documents(shards):
    return [document for _, tokens, ends in shards for document in np.split(tokens, ends[:-1])]


def equal(found, expected, what):
    assert len(found) == len(expected), (what, len(found), len(expected))
    assert all(np.array_equal(a, b) for a, b in zip(found, expected)), what


def version(package):
    return f"{package} " + __import__("importlib.metadata").metadata.version(package)


def check_nanogpt(folder, dtype, halves, manifest):
    for half, name in [("train", "train.bin"), ("validation", "val.bin")]:
        # As train.py's get_batch reads it.
        data = np.memmap(folder / name, dtype=np.uint16, mode="r")
        equal([data], [np.concatenate([tokens for _, tokens, _ in halves[half]])], name)
    meta = pickle.loads((folder / "meta.pkl").read_bytes())
    assert meta["vocab_size"] == manifest["vocab_size"] and meta["dtype"] == "uint16", meta
    return version("numpy")


def check_megatron(folder, dtype, halves, manifest):
    from megatron.core.datasets.indexed_dataset import IndexedDataset
    for shards in halves.values():
        for name, tokens, ends in shards:
            for mmap in (True, False):
                data = IndexedDataset(str(folder / name), mmap=mmap)
                equal([data[i] for i in range(len(data))], np.split(tokens, ends[:-1]), name)
                assert np.array_equal(data.document_indices, np.arange(len(ends) + 1)), name
    return version("megatron-core")


def check_datatrove(folder, dtype, halves, manifest):
    from datatrove.utils.dataset import DatatroveFileDataset
    length = 1024
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
            # A position is a token's place in its document, but restarts at 0 in each row.
            starts = np.zeros(len(tokens), np.int64)
            starts[ends[:-1]] = ends[:-1]
            starts[np.arange(0, n, length + 1)] = np.arange(0, n, length + 1)
            places = np.arange(len(tokens)) - np.maximum.accumulate(starts)
            equal([np.concatenate([row["positions"].numpy() for row in rows])], [places[:n]], name)
            # Its reader skips the end of a file that does not fill a row. The index has all
            # documents.
            index = np.fromfile(folder / f"{name}.ds.index", np.uint64)
            assert np.array_equal(index, ends), name
            lines = (folder / f"{name}.ds.metadata").read_text().split("\n")
            assert lines[0].endswith(f"|{dtype().itemsize}") and int(lines[1]) == len(tokens)
    return version("datatrove")


def check_olmo(folder, dtype, halves, manifest):
    for shards in halves.values():
        for name, tokens, ends in shards:
            # As OLMo's memory-mapped dataset reads it.
            data = np.memmap(folder / f"{name}.npy", dtype=dtype, mode="r")
            rows = gzip.open(folder / f"{name}.csv.gz", "rt").read().splitlines()
            found = [data[int(a):int(b)] for a, b, *_ in (row.split(",") for row in rows)]
            equal(found, np.split(tokens, ends[:-1]), name)
    return version("numpy")


def check_llmc(folder, dtype, halves, manifest):
    wide = dtype == np.uint32
    for half, mark in [("validation", "val"), ("train", "train")]:
        files = sorted(folder.glob(f"*_{mark}_*.bin"))
        for file, (name, tokens, ends) in zip(files, halves[half], strict=True):
            # As llm.c's dev/data and modded-nanogpt's train_gpt.py read it.
            header = np.fromfile(file, np.int32, 256)
            assert tuple(header[:2]) == ((20240801, 7) if wide else (20240520, 1)), file
            body = np.fromfile(file, dtype, offset=1024)
            assert header[2] == len(body) and file.stat().st_size == 1024 + body.nbytes, file
            starts = np.flatnonzero(body == manifest["end_of_text"])
            assert starts[0] == 0, file
            rotated = [np.append(part[1:], part[:1]) for part in np.split(body, starts[1:])]
            equal(rotated, np.split(tokens, ends[:-1]), file.name)
    return version("numpy")


def check_mds(folder, dtype, halves, manifest):
    from streaming import StreamingDataset
    from streaming.base.util import clean_stale_shared_memory
    for half, shards in halves.items():
        clean_stale_shared_memory()
        data = StreamingDataset(local=str(folder), split=half, shuffle=False, batch_size=1)
        equal([data[i]["tokens"] for i in range(len(data))], documents(shards), half)
    return version("mosaicml-streaming")


def check_litdata(folder, dtype, halves, manifest):
    from litdata import StreamingDataset, TokensLoader
    block = 512
    for half, shards in halves.items():
        data = StreamingDataset(str(folder / half), item_loader=TokensLoader(block), shuffle=False)
        # Blocks do not cross chunks: the end of a chunk that does not fill a block is skipped.
        expected = [row for _, tokens, _ in shards
                    for row in tokens[: len(tokens) // block * block].reshape(-1, block)]
        equal([row.numpy().astype(dtype) for row in data], expected, half)
        # The offsets are the bounds of the documents; after them come all tokens.
        for number, (name, tokens, ends) in enumerate(shards):
            raw = (folder / half / f"chunk-0-{number}.bin").read_bytes()
            offsets = np.frombuffer(raw, np.uint32, len(ends) + 1, 4)
            assert np.array_equal((offsets[1:] - offsets[0]) // dtype().itemsize, ends), name
            assert raw[offsets[0] :] == tokens.tobytes(), name
    return version("litdata")


def check_parquet(folder, dtype, halves, manifest):
    import datasets
    files = {half: [str(folder / f"{name}.parquet") for name, *_ in shards]
             for half, shards in halves.items() if shards}
    cache = str(work / "datasets-cache")
    data = datasets.load_dataset("parquet", data_files=files, cache_dir=cache)
    for half, shards in halves.items():
        if not shards:
            continue
        column = data[half].with_format("arrow")[:]["input_ids"]
        column = column.combine_chunks() if hasattr(column, "combine_chunks") else column
        lengths = np.concatenate([np.diff(ends, prepend=0) for _, _, ends in shards])
        assert np.array_equal(np.diff(column.offsets.to_numpy()), lengths), half
        equal([column.flatten().to_numpy()], [np.concatenate([t for _, t, _ in shards])], half)
        # Also check a few documents as lists, which is how trainers read them.
        expected = documents(shards)
        for at in range(0, len(expected), max(1, len(expected) // 100)):
            assert data[half][at]["input_ids"] == expected[at].tolist(), (half, at)
    return version("datasets")


CHECKS = {
    "nanogpt": check_nanogpt, "megatron": check_megatron, "datatrove": check_datatrove,
    "olmo": check_olmo, "llmc": check_llmc, "mds": check_mds, "litdata": check_litdata,
    "parquet": check_parquet,
}
IMPORTED = {"nanogpt": "*.bin", "megatron": "*.bin", "datatrove": "*.ds", "llmc": "*.bin"}


def payload(output, name, half):
    """Returns the bytes of a split in an export, file after file, without llm.c's headers."""
    files = sorted(output.glob(IMPORTED[name]))
    mine = [f for f in files if ("val" in f.name) == (half == "validation")]
    return b"".join(f.read_bytes()[1024 if name == "llmc" else 0 :] for f in mine)


def check_import(source, output, name, manifest, halves, at):
    """Imports an export: the documents and the tokenizer must be the same, and exporting it again
    must give the same bytes."""
    again, back = at / f"{name}-imported", at / f"{name}-back"
    size = ["--vocab-size", manifest["vocab_size"], "--tokenizer", source / "tokenizer.json"]
    gristmill("shards", "import", "--from", name, *size, "--output", again,
              *sorted(output.glob(IMPORTED[name])))
    gristmill("shards", "verify", again)
    imported, _, found = dataset(again)
    for half, shards in found.items():
        equal(documents(shards), documents(halves[half]), f"{name} imported")
    for fact in ("token_type", "vocab_size", "end_of_text", "tokenizer_blake3"):
        assert imported[fact] == manifest[fact], (name, fact)
    held = [{s["split"]: s["counts"] for s in m["shards"] if s["split"] == "validation"}
            for m in (imported, manifest)]
    assert held[0] == held[1] or len(halves["validation"]) > 1, held
    assert (again / "tokenizer.json").read_bytes() == (source / "tokenizer.json").read_bytes()
    for number in (0, 7):
        text = ["shards", "cat", "--doc", number]
        assert gristmill(*text, again) == gristmill(*text, source), (name, number)
    gristmill("shards", "export", again, "--as", name, "--output", back)
    for half in halves:
        assert payload(back, name, half) == payload(output, name, half), (name, half)


def check_sums(folder):
    """Checks the files of digests with another implementation of BLAKE3."""
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
failed = 0
for number, given in enumerate(options.shards):
    source = (given if (given / "shards.json").is_file() else given / "shards").resolve()
    at = work / str(number)
    at.mkdir(parents=True)
    manifest, dtype, halves = dataset(source)
    check_sums(source)
    n_tokens = sum(len(tokens) for shards in halves.values() for _, tokens, _ in shards)
    kind = f"{manifest['token_type']}, vocabulary {manifest['vocab_size']:,}"
    print(f"{kind}: {len(manifest['shards'])} shards, {n_tokens:,} tokens; digests equal blake3's",
          flush=True)
    for name, check in CHECKS.items():
        if options.only not in name or (name, dtype) == ("nanogpt", np.uint32):
            continue
        output = at / name
        try:
            export = ["--json", "shards", "export", source, "--as", name, "--output", output]
            done = json.loads(gristmill(*export))
            reader = check(output, dtype, halves, manifest)
            text = (f"every token and document equal as read by {reader}; "
                    f"{done['links']} of {done['files']} files are links")
            if name in IMPORTED:
                check_import(source, output, name, manifest, halves, at)
                text += "; equal after import and a second export"
            print(f"{kind} {name}: {text}", flush=True)
        except Exception as error:
            failed += 1
            print(f"{kind} {name}: FAILED {type(error).__name__}: {error}", flush=True)
sys.exit(failed > 0)
