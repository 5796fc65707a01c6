#!/usr/bin/env python3
"""Checks that other libraries get the same ids from the tokenizer files that this program writes.

usage: tokenizer_interop.py ENCODE CONVERT [--documents 1500]

ENCODE and CONVERT are the built examples `encode_any` and `convert` of the encoder crate.
GRISTMILL_DATA is the folder with data/tokenizer and data/corpus. CONVERT writes the published
vocabularies in every format, and they are read by Hugging Face's tokenizers and transformers and by
tiktoken. Small SentencePiece models of both kinds are trained here on the corpus and compared with
SentencePiece's own package. Prints one line per reader, with the number of texts whose ids differ.

Needs the packages tokenizers, transformers, tiktoken, sentencepiece and zstandard.
"""
import argparse, base64, io, json, os, pathlib, subprocess, sys, tempfile

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["HF_HUB_OFFLINE"] = "1"

import sentencepiece, tiktoken, tokenizers, transformers, zstandard

parser = argparse.ArgumentParser()
parser.add_argument("encode", type=pathlib.Path)
parser.add_argument("convert", type=pathlib.Path)
parser.add_argument("--documents", type=int, default=1500)
options = parser.parse_args()
if not os.environ.get("GRISTMILL_DATA"):
    sys.exit("skipped: GRISTMILL_DATA is not set")
data = pathlib.Path(os.environ["GRISTMILL_DATA"]) / "data"

# Runs of every kind, and names of special tokens, which must be encoded as plain text.
STRANGE = [
    "", " ", "  a  b ", "\n\n\tfoo  ", "don't DON'T y'all'd've", "123456 7",
    "a\u0301 \u00f1 n\u0303 \ufb01", "日本語の文章です。", "👩‍👩‍👧‍👦 🦀🦀", "\u200b\u00a0x",
    "<|endoftext|>", "<s>a</s>", "<unk> <0x41>", "\u2581x",
]


def documents():
    """Returns every 53rd document of the corpus, and the strange texts."""
    found = []
    with open(data / "corpus/docs.jsonl.zst", "rb") as file:
        lines = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(file), "utf-8")
        for number, line in enumerate(lines):
            if number % 53 == 0 and len(found) < options.documents:
                found.append(json.loads(line)["text"])
    return found + STRANGE


def ours(tokenizer, path):
    command = [options.encode, tokenizer, path, "ids"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in printed.stdout.splitlines()]


def report(vocabulary, reader, texts, expected, encode):
    differ = [text for text, ids in zip(texts, expected, strict=True) if list(encode(text)) != ids]
    print(f"{vocabulary}, {reader}: {len(texts)} texts, {len(differ)} differ", flush=True)
    for text in differ[:5]:
        print(f"    {text[:60]!r}")


def check_published(name, file, texts, path, folder):
    plain, ranks = folder / f"{name}.json", folder / f"{name}.tiktoken"
    outputs = [plain] if file.suffix == ".json" else [plain, ranks]
    subprocess.run([options.convert, file, *outputs], check=True)
    expected = ours(file, path)
    if ours(plain, path) != expected:
        print(f"{name}: our own ids differ after conversion")
    library = tokenizers.Tokenizer.from_file(str(plain))
    library.encode_special_tokens = True
    encode = lambda text: library.encode(text, add_special_tokens=False).ids
    report(name, f"tokenizers {tokenizers.__version__}", texts, expected, encode)
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(plain), split_special_tokens=True)
    encode = lambda text: fast.encode(text, add_special_tokens=False)
    report(name, f"transformers {transformers.__version__}", texts, expected, encode)
    if ranks in outputs:
        with open(ranks, encoding="ascii") as lines:
            known = {base64.b64decode(token): int(rank) for token, rank in map(str.split, lines)}
        pattern = json.loads(plain.read_text())["pre_tokenizer"]
        steps = pattern.get("pretokenizers", [pattern])
        gpt2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
        pattern = steps[0].get("pattern", {}).get("Regex", gpt2)
        encoding = tiktoken.Encoding(
            name, pat_str=pattern, mergeable_ranks=known, special_tokens={})
        report(name, f"tiktoken {tiktoken.__version__}", texts, expected, encoding.encode_ordinary)


MODELS = {
    "unigram": {"model_type": "unigram"},
    "bpe": {"model_type": "bpe"},
    "bpe, bytes": {
        "model_type": "bpe", "byte_fallback": True, "normalization_rule_name": "identity",
        "remove_extra_whitespaces": False,
    },
    "unigram, bytes": {
        "model_type": "unigram", "byte_fallback": True, "normalization_rule_name": "identity",
        "remove_extra_whitespaces": False, "add_dummy_prefix": False,
    },
    "unigram, user's symbols": {
        "model_type": "unigram", "user_defined_symbols": ["<sep>", "<mask>"],
    },
    "unigram, pieces with spaces": {
        "model_type": "unigram", "split_digits": True, "split_by_whitespace": False,
        "allow_whitespace_only_pieces": True, "normalization_rule_name": "nmt_nfkc_cf",
    },
    "bpe, user's symbols, bytes": {
        "model_type": "bpe", "user_defined_symbols": ["<sep>", "<mask>"], "byte_fallback": True,
        "split_digits": True, "normalization_rule_name": "nfkc_cf",
    },
    "bpe, pieces with spaces": {
        "model_type": "bpe", "split_by_whitespace": False, "remove_extra_whitespaces": False,
        "normalization_rule_name": "nfkc",
    },
}


def check_sentencepiece(name, settings, texts, path, folder):
    prefix = folder / "sentencepiece"
    lines = [line for text in texts for line in text.split("\n") if line.strip()]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_prefix=str(prefix), vocab_size=4000, num_threads=1,
        minloglevel=2, character_coverage=0.9995, **settings,
    )
    model = prefix.with_suffix(".model")
    processor = sentencepiece.SentencePieceProcessor(model_file=str(model))
    reader = f"sentencepiece {sentencepiece.__version__}"
    report(name, reader, texts, ours(model, path), processor.encode)


with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    texts = documents()
    path = folder / "texts.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
    for name in ["gpt2", "cl100k_base", "o200k_base"]:
        check_published(name, data / f"tokenizer/{name}.tiktoken", texts, path, folder)
    for name in ["gpt-neo", "llama"]:
        check_published(name, data / f"tokenizer/{name}.tokenizer.json", texts, path, folder)
    for name, settings in MODELS.items():
        check_sentencepiece(name, settings, texts, path, folder)
