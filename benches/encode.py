#!/usr/bin/env python3
"""Compares the speed of encoding on one core with tiktoken and Hugging Face's tokenizers.

usage: encode.py ENCODE CONVERT [--rounds 3] [--megabytes 40] [--peer-megabytes 8]
                 [--all-megabytes 0] [--only NAME...]

ENCODE is the built example `encode` of the tokenizer crate, CONVERT the example `convert` of the
encoder crate. GRISTMILL_DATA is the folder with data/tokenizer and data/corpus. The texts are first
the documents of docs.jsonl that are labelled English, then every fourth document. Each round
measures every program once, alternately, in a new process or with a new encoder. The table shows
medians in MB of text per second of processor time. Ours encodes --megabytes of text. The peers are
slower and encode the first --peer-megabytes of the same texts, on which the ids of all three are
compared.

With --all-megabytes, that much of the whole corpus is encoded at the end as well, and ids that
differ from each peer's are counted: of each document, all ids after the common beginning and before
the common end. With --rounds 0 only this comparison is made.

llama is a file in the format of Llama 2 (merges of characters, no split). llama-3 is one in the
format of Llama 3, made here from the ranks of cl100k_base in the way of the package transformers.

Needs the packages tiktoken, tokenizers, xxhash and zstandard.
"""
import argparse, array, base64, io, itertools, json, os, pathlib, re, statistics, subprocess, sys
import tempfile, time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"

import tiktoken, tokenizers, xxhash, zstandard
from tiktoken_ext import openai_public

ENCODINGS = ["gpt2", "cl100k_base", "o200k_base"]
FILES = ["gpt-neo", "llama", "llama-3"]
# Llama 3's split, as its tokenizer.json spells it.
LLAMA_3_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

parser = argparse.ArgumentParser()
parser.add_argument("encode", type=pathlib.Path)
parser.add_argument("convert", type=pathlib.Path)
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--megabytes", type=float, default=40)
parser.add_argument("--peer-megabytes", type=float, default=8)
parser.add_argument("--all-megabytes", type=float, default=0)
parser.add_argument("--only", nargs="+", default=ENCODINGS + FILES, help="vocabularies to measure")
options = parser.parse_args()
if not os.environ.get("GRISTMILL_DATA"):
    sys.exit("skipped: GRISTMILL_DATA is not set")
data = pathlib.Path(os.environ["GRISTMILL_DATA"]) / "data"


def documents(megabytes, wanted, step=1):
    """Returns every `step`-th document that is wanted, until there are enough megabytes."""
    found, size, seen = [], 0, 0
    with open(data / "corpus/docs.jsonl.zst", "rb") as file:
        for line in io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(file), "utf-8"):
            document = json.loads(line)
            if wanted(document):
                seen += 1
                if seen % step == 0:
                    found.append(document["text"])
                    size += len(document["text"].encode())
            if size >= megabytes * 1e6:
                break
    return found


def pattern_of(name):
    """Returns tiktoken's settings of an encoding, without downloading its ranks."""
    openai_public.load_tiktoken_bpe = lambda *_, **__: {}
    openai_public.data_gym_to_mergeable_bpe_ranks = lambda *_, **__: {}
    return getattr(openai_public, name)()


def ranks_of(name):
    with open(data / f"tokenizer/{name}.tiktoken", encoding="ascii") as lines:
        return {base64.b64decode(token): int(rank) for token, rank in map(str.split, lines)}


def write_llama_3(path):
    """Writes Llama 3's file. Every split of a token into two is a merge, as in transformers."""
    ranks = ranks_of("cl100k_base")
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = {byte: chr(byte) for byte in shown}
    others = sorted(set(range(256)) - set(shown))
    letters.update((byte, chr(256 + place)) for place, byte in enumerate(others))
    spell = lambda token: "".join(letters[byte] for byte in token)
    merges = []
    for token in sorted(ranks, key=ranks.get):
        parts = [(token[:cut], token[cut:]) for cut in range(1, len(token))]
        parts = [(left, right) for left, right in parts if left in ranks and right in ranks]
        merges += sorted(parts, key=lambda pair: (ranks[pair[0]], ranks[pair[1]]))
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True,
                  "use_regex": False}
    split = {"type": "Split", "pattern": {"Regex": LLAMA_3_SPLIT}, "behavior": "Isolated",
             "invert": False}
    file = {
        "version": "1.0", "added_tokens": [], "normalizer": None, "post_processor": None,
        "decoder": byte_level,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, byte_level]},
        "model": {
            "type": "BPE", "ignore_merges": True,
            "vocab": {spell(token): rank for token, rank in ranks.items()},
            "merges": [[spell(left), spell(right)] for left, right in merges],
        },
    }
    path.write_text(json.dumps(file), encoding="utf-8")


def load_tiktoken(name):
    ranks = ranks_of(name)
    settings = pattern_of(name)
    encoding = tiktoken.Encoding(
        name, pat_str=settings["pat_str"], mergeable_ranks=ranks,
        special_tokens=settings["special_tokens"],
    )
    return encoding.encode_ordinary


def load_library(path):
    tokenizer = tokenizers.Tokenizer.from_file(str(path))
    tokenizer.encode_special_tokens = True
    return lambda text: tokenizer.encode(text, add_special_tokens=False).ids


def measure(load, texts):
    """Returns the rate and a checksum of the ids. The example prints the same checksum."""
    encode, seconds, checksum = load(), 0.0, xxhash.xxh3_64()
    for text in texts:
        started = time.thread_time()
        ids = encode(text)
        seconds += time.thread_time() - started
        checksum.update(array.array("I", ids).tobytes())
    return sum(len(text.encode()) for text in texts) / 1e6 / seconds, checksum.hexdigest()


def file_of(name, folder):
    if name in ENCODINGS:
        return data / f"tokenizer/{name}.tiktoken"
    if name != "llama-3":
        return data / f"tokenizer/{name}.tokenizer.json"
    path = folder / "llama-3.json"
    if not path.exists():
        write_llama_3(path)
    return path


def command(name, path, folder):
    return [options.encode, file_of(name, folder), name if name in ENCODINGS else "json", path]


def ours(name, path, folder):
    arguments = [*command(name, path, folder), "1"]
    printed = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
    found = re.search(r"encode ([0-9.]+) MB/s.*checksum (\w+)", printed, re.DOTALL)
    rate, checksum = found.groups()
    return float(rate), checksum


def save(texts, path):
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
    return path


def peers(name, folder):
    """Returns a loader of this vocabulary for each peer that has it."""
    found = {}
    if name in ENCODINGS:
        found["tiktoken"] = lambda: load_tiktoken(name)
        path = folder / f"{name}.json"
        if not path.exists():
            subprocess.run([options.convert, data / f"tokenizer/{name}.tiktoken", path], check=True)
    else:
        path = file_of(name, folder)
    # The library's own split of cl100k_base is an older one, which cuts white space at the end
    # differently.
    found["tokenizers"] = lambda: load_library(path)
    return found


def table(corpus, texts, folder):
    size, few = 0, []
    for text in texts:
        few.append(text)
        size += len(text.encode())
        if size >= options.peer_megabytes * 1e6:
            break
    whole, part = save(texts, folder / "whole.jsonl"), save(few, folder / "part.jsonl")
    for name in options.only:
        others = peers(name, folder)
        rates = {who: [] for who in ["ours", *others]}
        sums = {}
        for _ in range(options.rounds):
            rates["ours"].append(ours(name, whole, folder)[0])
            for who, load in others.items():
                rate, sums[who] = measure(load, few)
                rates[who].append(rate)
        sums["ours"] = ours(name, part, folder)[1]
        middle = {who: statistics.median(found) for who, found in rates.items()}

        def cell(who):
            if who not in middle:
                return "- | -"
            return f"{middle[who]:.1f} | {middle['ours'] / middle[who]:.1f} ×"

        same = "yes" if len(set(sums.values())) == 1 else "NO"
        print(f"| {name} | {corpus} | {middle['ours']:.0f} | {cell('tiktoken')} "
              f"| {cell('tokenizers')} | {same} |", flush=True)


def our_ids(name, path, folder):
    """Yields the ids of each document."""
    with subprocess.Popen([*command(name, path, folder), "ids"], stdout=subprocess.PIPE) as process:
        while head := process.stdout.read(4):
            ids = array.array("I")
            ids.frombytes(process.stdout.read(4 * int.from_bytes(head, "little")))
            yield ids


def differing(ids, others):
    """Counts the ids of the longer list after the common beginning and before the common end."""
    if ids == others:
        return 0
    same = lambda pairs: sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))
    longest, shortest = max(len(ids), len(others)), min(len(ids), len(others))
    begins = same(zip(ids, others))
    return longest - begins - min(shortest - begins, same(zip(reversed(ids), reversed(others))))


def compare_all(folder):
    texts = documents(options.all_megabytes, lambda _: True)
    path = save(texts, folder / "all.jsonl")
    for name in options.only:
        for who, load in peers(name, folder).items():
            encode, total, wrong = load(), 0, 0
            for text, ids in zip(texts, our_ids(name, path, folder), strict=True):
                total += len(ids)
                wrong += differing(ids, array.array("I", encode(text)))
            print(f"{name}, {who}: {options.all_megabytes:.0f} MB, {total} ids, {wrong} differ",
                  flush=True)


with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    print(f"tiktoken {tiktoken.__version__}, tokenizers {tokenizers.__version__}\n")
    if options.rounds:
        print("| vocabulary | text | ours MB/s | tiktoken MB/s | ours is | tokenizers MB/s "
              "| ours is | same ids |")
        print("|---|---|---|---|---|---|---|---|")
        table("English", documents(options.megabytes, lambda row: row["lang"] == "en"), folder)
        table("all languages", documents(options.megabytes, lambda _: True, step=4), folder)
    if options.all_megabytes:
        compare_all(folder)
