#!/usr/bin/env python3
"""tiktoken and Hugging Face tokenizers on what `examples/encode.rs` measures.

usage: encode_peers.py TIKTOKEN_FILE ENCODING JSONL_FILE
       encode_peers.py TOKENIZER_JSON json JSONL_FILE

One thread; prints the rate by its processor time, the number of ids and the checksum that the
example prints. Needs the
packages tiktoken, tokenizers and xxhash.
"""

import array
import base64
import json
import os
import sys
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"

import tiktoken
import tokenizers
import xxhash
from tiktoken_ext import openai_public

def measure(name, documents, encode):
    megabytes = sum(len(text.encode()) for text in documents) / 1e6
    seconds, total, checksum = 0.0, 0, xxhash.xxh3_64()
    for text in documents:
        started = time.thread_time()
        ids = encode(text)
        seconds += time.thread_time() - started
        total += len(ids)
        checksum.update(array.array("I", ids).tobytes())
    print(f"{name}: encode {megabytes / seconds:.1f} MB/s, {total} ids, checksum {checksum.hexdigest()}")


def pattern_of(name):
    """The pattern that tiktoken has for an encoding, without fetching its ranks."""
    openai_public.load_tiktoken_bpe = lambda *_, **__: {}
    openai_public.data_gym_to_mergeable_bpe_ranks = lambda *_, **__: {}
    return getattr(openai_public, name)()


def main():
    vocabulary_path, name, path = sys.argv[1:4]
    with open(path, encoding="utf-8") as lines:
        documents = [json.loads(line)["text"] for line in lines]
    if name == "json":
        tokenizer = tokenizers.Tokenizer.from_file(vocabulary_path)
        tokenizer.encode_special_tokens = True
        measure(
            f"tokenizers {tokenizers.__version__}",
            documents,
            lambda text: tokenizer.encode(text, add_special_tokens=False).ids,
        )
        return
    with open(vocabulary_path, encoding="ascii") as lines:
        pairs = (line.split() for line in lines)
        ranks = {base64.b64decode(token): int(rank) for token, rank in pairs}
    settings = pattern_of(name)
    encoding = tiktoken.Encoding(
        name,
        pat_str=settings["pat_str"],
        mergeable_ranks=ranks,
        special_tokens=settings["special_tokens"],
    )
    measure(f"tiktoken {tiktoken.__version__}", documents, encoding.encode_ordinary)


main()
