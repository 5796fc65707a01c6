"""Compares gristmill's fastText with the C++ tool: each predicts with the models of both.

    pip install fasttext-numpy2-wheel zstandard
    cargo build -p gristmill-text --release --examples
    python benches/fasttext_parity.py DATA EXAMPLES WORK [lid] [losses] [ours] [small]

DATA is a folder with language/ (lid.176.ftz, *.jsonl.zst), EXAMPLES the folder of the built
examples, WORK a folder for models. Prints one line per model: the number of texts, the share of
equal best labels, the largest difference of probabilities, and the seconds of processor time of
both.
"""

import io
import json
import pathlib
import random
import subprocess
import sys
import time

import fasttext
import zstandard

fasttext.FastText.eprint = lambda *_: None
# The tool initialises its first matrix in ten threads; with fewer, most of it stays uninitialised.
THREADS = 12
DATA, EXAMPLES, WORK = (pathlib.Path(argument) for argument in sys.argv[1:4])
PARTS = sys.argv[4:] or ["lid", "losses", "ours", "small"]


def rows(path):
    with open(path, "rb") as raw:
        text = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(raw), encoding="utf-8")
        for line in text:
            yield json.loads(line)


def one_line(text):
    """Removes line feeds and carriage returns, so that both sides see one line."""
    return text.replace("\n", " ").replace("\r", " ")


def theirs(model, texts, k, threshold):
    lines = [text + "\n" for text in texts]
    start = time.process_time()
    answers = [model.f.predict(line, k, threshold, "strict") for line in lines]
    return answers, time.process_time() - start


def ours(path, texts, k, threshold, repeats=1):
    lines = WORK / "texts.txt"
    lines.write_text("".join(text + "\n" for text in texts), encoding="utf-8", newline="\n")
    command = [EXAMPLES / "fasttext_predict", path, lines, str(k), str(threshold), str(repeats)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    answers = []
    for line in done.stdout.split("\n")[:-1]:
        fields = line.split(" ") if line else []
        answers.append([(float(p), name) for name, p in zip(fields[::2], fields[1::2])])
    return answers, json.loads(done.stderr)


def compare(name, path, texts, k=3, threshold=0.0):
    """Compares best labels, whole lists and probabilities. Times are the best of 3, for k = 1."""
    model = fasttext.load_model(str(path))
    expected, _ = theirs(model, texts, k, threshold)
    found, _ = ours(path, texts, k, threshold)
    assert len(found) == len(expected), (len(found), len(expected))
    best = lists = 0
    worst = 0.0
    for text, left, right in zip(texts, found, expected):
        best += [n for _, n in left[:1]] == [n for _, n in right[:1]]
        lists += [n for _, n in left] == [n for _, n in right]
        if left and right:
            worst = max(worst, abs(left[0][0] - right[0][0]))
    their_seconds = min(theirs(model, texts, 1, 0.0)[1] for _ in range(3))
    our_seconds = ours(path, texts, 1, 0.0, 3)[1]["predict_seconds"]
    print(
        f"{name:34} texts {len(texts):6}  best {best / len(texts):.6f}"
        f"  top {k} {lists / len(texts):.6f}  largest difference {worst:.2e}"
        f"  seconds {our_seconds:.3f} against {their_seconds:.3f}"
        f"  ({their_seconds / our_seconds:.2f} times as fast)",
        flush=True,
    )


def language_texts():
    lingua = [one_line(row["text"]) for row in rows(DATA / "language/lingua.jsonl.zst")]
    udhr = [one_line(row["text"]) for row in rows(DATA / "language/udhr.jsonl.zst")]
    return lingua, udhr


def labelled():
    pairs = [
        (row["lang"], one_line(row["text"]))
        for row in rows(DATA / "language/lingua.jsonl.zst")
        if row["kind"] == "sentences"
    ]
    random.Random(1).shuffle(pairs)
    return pairs


def train_files(pairs, name):
    path = WORK / f"{name}.train.txt"
    lines = "".join(f"__label__{label} {text}\n" for label, text in pairs)
    path.write_text(lines, encoding="utf-8", newline="\n")
    return path


def losses():
    pairs = labelled()
    half = len(pairs) // 2
    odd = ["", " ", "</s>", "a </s> b", "__label__en x", "a\0b"]
    texts = [text for _, text in pairs[half:]] + odd
    train = str(train_files(pairs[:half], "language"))
    for loss in ["softmax", "ns", "ova", "hs"]:
        for ngrams, minn, maxn in [(1, 0, 0), (2, 0, 0), (1, 2, 5), (2, 2, 5)]:
            name = f"{loss} n{ngrams} {minn}-{maxn}"
            options = dict(loss=loss, wordNgrams=ngrams, minn=minn, maxn=maxn, dim=17, epoch=3)
            options |= dict(lr=0.2, bucket=50_000, thread=THREADS, verbose=0, seed=1)
            path = WORK / "model.bin"
            model = fasttext.train_supervised(train, **options)
            model.save_model(str(path))
            compare(name, path, texts)
            if (ngrams, minn) not in [(2, 2), (1, 0)]:
                continue
            for how in [
                dict(dsub=2),
                dict(dsub=2, qnorm=True, cutoff=8_000, retrain=True, input=train),
                dict(dsub=3, qnorm=True, cutoff=8_000),
            ]:
                model = fasttext.train_supervised(train, **options)
                model.quantize(verbose=0, **how)
                path = WORK / "model.ftz"
                model.save_model(str(path))
                shown = " ".join(f"{k}" for k in how if k != "input")
                compare(f"{name} {shown}", path, texts)


def train_ours(path, train, options):
    settings = [f"{name}={int(v) if isinstance(v, bool) else v}" for name, v in options.items()]
    command = [EXAMPLES / "fasttext_train", train, *settings]
    with open(path, "wb") as model:
        done = subprocess.run(command, stdout=model, stderr=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stderr)


def accuracy(answers, truths):
    hits = sum(bool(a) and a[0][1] == f"__label__{t}" for a, t in zip(answers, truths))
    return hits / len(truths)


def tasks():
    """Yields training and test pairs of each task. Both tools get the same halves."""
    lines = lambda path: map(json.loads, open(DATA / path, encoding="utf-8"))
    sets = {
        "language": labelled(),
        "quality": [
            (row["label"], one_line(row["text"]))
            for name in ["human-agreement", "human-majority"]
            for row in lines(f"quality/{name}.jsonl")
        ],
        "safety": [(row["label"], one_line(row["text"])) for row in lines("safety/davidson.jsonl")],
    }
    for name, pairs in sets.items():
        random.Random(2).shuffle(pairs)
        cut = len(pairs) // 2
        yield name, pairs[:cut], pairs[cut:]


def training():
    """Trains both tools with the same options and three seeds. Compares their accuracy on the
    held-out half, their seconds, and the predictions of the C++ tool from our file with ours."""
    grid = {
        "language": [
            dict(loss="softmax", dim=16, minn=2, maxn=4, bucket=200_000, epoch=5, lr=0.5),
            dict(loss="hs", dim=16, minn=2, maxn=4, bucket=200_000, epoch=5, lr=0.5),
            dict(loss="ns", dim=16, minn=2, maxn=4, bucket=200_000, epoch=5, lr=0.3),
            dict(loss="ova", dim=16, minn=2, maxn=4, bucket=200_000, epoch=5, lr=0.3),
        ],
        "quality": [dict(loss="softmax", dim=100, wordNgrams=2, bucket=100_000, epoch=25, lr=0.3)],
        "safety": [
            dict(loss="softmax", dim=50, wordNgrams=2, bucket=200_000, epoch=5, lr=0.3),
            dict(loss="hs", dim=50, wordNgrams=2, minn=3, maxn=5, bucket=200_000, epoch=5, lr=0.1),
        ],
    }
    for task, train, test in tasks():
        path = train_files(train, task)
        truths, texts = [str(label) for label, _ in test], [text for _, text in test]
        for options in grid[task]:
            theirs_scores, ours_scores, their_seconds, our_seconds = [], [], [], []
            for seed in [1, 2, 3]:
                start = time.process_time()
                model = fasttext.train_supervised(
                    str(path), thread=THREADS, verbose=0, seed=seed, **options
                )
                their_seconds.append(time.process_time() - start)
                theirs_scores.append(accuracy(theirs(model, texts, 1, 0.0)[0], truths))
                out = WORK / "ours.bin"
                done = train_ours(out, path, options | dict(seed=seed))
                our_seconds.append(done["train_seconds"])
                ours_scores.append(accuracy(ours(out, texts, 1, 0.0)[0], truths))
            show = lambda scores: " ".join(f"{score:.4f}" for score in scores)
            print(
                f"{task} {options['loss']}: accuracy ours {show(ours_scores)} theirs"
                f" {show(theirs_scores)}; processor seconds {min(our_seconds):.2f} against"
                f" {min(their_seconds):.2f} ({min(their_seconds) / min(our_seconds):.2f} times as"
                " fast)",
                flush=True,
            )
            compare(f"our {task} {options['loss']} file", out, texts)


def quantization():
    """Trains and quantizes with ours: the C++ tool must predict the same from our files, and our
    small models must lose as little accuracy as its own."""
    pairs = labelled()
    half = len(pairs) // 2
    train = train_files(pairs[:half], "quantize")
    truths, texts = [label for label, _ in pairs[half:]], [text for _, text in pairs[half:]]
    base = dict(dim=16, minn=2, maxn=4, bucket=200_000, epoch=5, lr=0.5, seed=1)
    for loss in ["softmax", "hs", "ova"]:
        for how in [
            dict(),
            dict(dsub=2),
            dict(dsub=2, qnorm=True, qout=True),
            dict(dsub=4, qnorm=True, cutoff=20_000),
            dict(dsub=2, qnorm=True, cutoff=20_000, retrain=True),
        ]:
            name = f"{loss} {' '.join(how)}"
            out = WORK / "ours.ftz"
            done = train_ours(out, train, base | dict(loss=loss, quantize=bool(how)) | how)
            found = accuracy(ours(out, texts, 1, 0.0)[0], truths)
            model = fasttext.train_supervised(
                str(train), thread=THREADS, verbose=0, loss=loss, **base
            )
            start = time.process_time()
            if how and not how.get("qout"):  # The tool cannot quantize fewer than 256 labels.
                model.quantize(input=str(train), verbose=0, thread=THREADS, **how)
            seconds = time.process_time() - start
            expected = accuracy(theirs(model, texts, 1, 0.0)[0], truths)
            print(
                f"quantized {name}: accuracy ours {found:.4f} theirs {expected:.4f}; processor"
                f" seconds {done['quantize_seconds']:.2f} against {seconds:.2f};"
                f" bytes {out.stat().st_size}",
                flush=True,
            )
            compare(f"our {name} file", out, texts)


def main():
    WORK.mkdir(parents=True, exist_ok=True)
    if "lid" in PARTS:
        lingua, udhr = language_texts()
        compare("lid.176.ftz lingua", DATA / "language/lid.176.ftz", lingua)
        compare("lid.176.ftz udhr", DATA / "language/lid.176.ftz", udhr)
    if "losses" in PARTS:
        losses()
    if "ours" in PARTS:
        training()
    if "small" in PARTS:
        quantization()


main()
