#!/usr/bin/env python3
"""Makes corpora with known duplicates from invented words: JSON lines with `id` and `text`.

usage: dedup_corpus.py MODE FOLDER [--seed 1] [--documents N] [--clusters N]

MODE is one of:

planted       documents.jsonl: 200,000 documents with 10,000 clusters of 2 to 10 documents. Within a
              cluster, all pairs have a Jaccard similarity of word 5-grams of 0.85 or more. A fifth
              of the other documents carries one of 8 templates of 60 to 150 words, so that any two
              documents of a template have a similarity of 0.3 to 0.65. truth.json: clusters, pairs
              with their exact similarity, templates.
curve         documents.jsonl: 1,000 pairs for each similarity from 0.40 to 1.00 in steps of 0.05.
              truth.json: the pairs.
short         documents.jsonl: N documents (5 million by default) of about 40 words, made as a
              stream. One in twenty is a near copy of an earlier one. truth.tsv: the pairs.
permutations  00.jsonl to 49.jsonl: the same 5,000 documents in 50 orders.

The same seed gives the same bytes. Needs numpy.
"""
import argparse, itertools, json, pathlib

import numpy

NGRAM_WORDS = 5
VOCABULARY = 30_000
TEMPLATES = 8
BLOCK = 100_000


class Words:
    """Words made of syllables, drawn by Zipf's law, like the words of a natural language."""

    def __init__(self, random):
        endings = ("a", "e", "i", "o", "u", "an", "or", "el")
        syllables = [start + end for start in "bdfgklmnprstvz" for end in endings]
        made = {}
        while len(made) < VOCABULARY:
            chosen = random.integers(len(syllables), size=int(random.integers(1, 5)))
            made["".join(syllables[i] for i in chosen)] = None
        self.words = list(made)
        weights = 1 / (numpy.arange(VOCABULARY) + 2.7)
        self.cumulative = numpy.cumsum(weights / weights.sum())
        self.random = random

    def draw(self, count):
        """Draws `count` words and returns their numbers."""
        return self.cumulative.searchsorted(self.random.random(count)).clip(0, VOCABULARY - 1)

    def text(self, numbers):
        return " ".join(map(self.words.__getitem__, numbers.tolist()))


def shingles(numbers):
    """Returns the set of hashes of a document's word 5-grams."""
    rolling = numpy.zeros(max(len(numbers) - NGRAM_WORDS + 1, 0), dtype=numpy.uint64)
    for offset in range(NGRAM_WORDS):
        words = numbers[offset : offset + len(rolling)].astype(numpy.uint64)
        rolling = rolling * numpy.uint64(0x9E3779B97F4A7C15) + words + numpy.uint64(1)
    return set(rolling.tolist())


def jaccard(a, b):
    return len(a & b) / len(a | b)


def lengths(random, count, median, least, most):
    return numpy.exp(random.normal(numpy.log(median), 0.6, count)).astype(int).clip(least, most)


def edited(words, base, budget):
    """Makes a copy without at most `budget` of the 5-grams: replaces, inserts and cuts words."""
    copy, random = base.copy(), words.random
    while budget > 0:
        kind = random.random()
        if budget >= NGRAM_WORDS and kind < 0.7:
            place = int(random.integers(NGRAM_WORDS, len(copy) - NGRAM_WORDS))
            if kind < 0.5:
                copy[place] = words.draw(1)[0]
                budget -= NGRAM_WORDS
            else:
                copy = numpy.insert(copy, place, words.draw(1))
                budget -= NGRAM_WORDS - 1
        elif kind < 0.85:
            copy, budget = copy[1:], budget - 1
        else:
            copy, budget = copy[:-1], budget - 1
        if random.random() < 0.3:
            break
    return copy


def write(path, documents):
    with open(path, "w") as out:
        out.writelines(f'{{"id":"{name}","text":"{text}"}}\n' for name, text in documents)


def clusters_of(words, count):
    """Yields clusters of similar documents, as lists of word numbers."""
    random = words.random
    chances = [0.4, 0.2, 0.12, 0.08, 0.06, 0.05, 0.04, 0.03, 0.02]
    for length in lengths(random, count, 350, 150, 3000):
        base = words.draw(length)
        members = [base]
        # Two copies differ by both budgets: (N - 2b) / (N + 2b) >= 0.85 requires b <= 0.0405 N.
        budget = int(0.04 * (length - 4))
        for _ in range(int(random.choice(range(2, 11), p=chances)) - 1):
            members.append(edited(words, base, random.integers(0, budget + 1)))
        yield members


def planted(words, folder, n_documents, n_clusters):
    random, groups = words.random, list(clusters_of(words, n_clusters))
    numbers = [member for group in groups for member in group]
    n_rest = n_documents - len(numbers)
    template_of = {}
    for template in range(TEMPLATES):
        length = 60 + round(90 * template / (TEMPLATES - 1))
        frame, head = words.draw(length), int(length * random.uniform(0.3, 0.7))
        ids = []
        for _ in range(n_rest // 5 // TEMPLATES):
            # Two documents with bodies of B and C words around a template of T words have a
            # similarity of about T / (T + B + C).
            body = round(length * (1 / random.uniform(0.34, 0.66) - 1) / 2)
            ids.append(len(numbers))
            numbers.append(numpy.concatenate([frame[:head], words.draw(body), frame[head:]]))
        template_of[template] = ids
    rest = lengths(random, n_documents - len(numbers), 180, 30, 3000)
    numbers += [words.draw(length) for length in rest]
    order = random.permutation(len(numbers))
    place = numpy.empty(len(numbers), dtype=int)
    place[order] = numpy.arange(len(numbers))
    documents = ((f"d{i:06}", words.text(numbers[n])) for i, n in enumerate(order))
    write(folder / "documents.jsonl", documents)
    truth, first = {"clusters": [], "pairs": [], "templates": []}, 0
    for group in groups:
        ids = [f"d{place[first + i]:06}" for i in range(len(group))]
        sets = [shingles(member) for member in group]
        first += len(group)
        truth["clusters"].append(ids)
        for (a, of_a), (b, of_b) in itertools.combinations(zip(ids, sets), 2):
            truth["pairs"].append([a, b, round(jaccard(of_a, of_b), 4)])
    for ids in template_of.values():
        truth["templates"].append([f"d{place[i]:06}" for i in ids])
    sample = [
        random.choice(ids, 2, replace=False) for ids in template_of.values() for _ in range(200)
    ]
    alike = [jaccard(shingles(numbers[a]), shingles(numbers[b])) for a, b in sample]
    (folder / "truth.json").write_text(json.dumps(truth))
    planted_alike = [pair[2] for pair in truth["pairs"]]
    print(f"{len(numbers):,} documents, {len(groups):,} clusters of "
          f"{sum(map(len, groups)):,} documents, {len(planted_alike):,} pairs with a similarity of "
          f"{min(planted_alike):.3f} to {max(planted_alike):.3f}; "
          f"{sum(map(len, truth['templates'])):,} documents with a template, with similarities of "
          f"{min(alike):.2f} to {max(alike):.2f}")


def curve(words, folder, pairs_each, _):
    documents, pairs = [], []
    for percent in range(40, 105, 5):
        for number in range(pairs_each):
            base = words.draw(300)
            n_shingles = len(base) - NGRAM_WORDS + 1
            copy, gone = base.copy(), n_shingles * (100 - percent) // (100 + percent)
            if gone:
                copy[-gone:] = words.draw(gone)
            ids = [f"c{percent}-{number}-{side}" for side in "ab"]
            pairs.append([*ids, round(jaccard(shingles(base), shingles(copy)), 4)])
            documents += zip(ids, (words.text(base), words.text(copy)), strict=True)
    order = words.random.permutation(len(documents))
    write(folder / "documents.jsonl", (documents[i] for i in order))
    (folder / "truth.json").write_text(json.dumps({"pairs": pairs}))


def short(words, folder, n_documents, _):
    random, earlier = words.random, []
    with open(folder / "documents.jsonl", "w") as out, open(folder / "truth.tsv", "w") as truth:
        for start in range(0, n_documents, BLOCK):
            count = min(BLOCK, n_documents - start)
            size = random.integers(30, 51, count)
            drawn = numpy.split(words.draw(int(size.sum())), numpy.cumsum(size)[:-1])
            copies = random.random(count) < 0.05
            lines = []
            for offset, numbers in enumerate(drawn):
                name = f"s{start + offset:08}"
                if copies[offset] and earlier:
                    # One word more or less at an end changes one 5-gram of about 36.
                    original, base = earlier[int(random.integers(len(earlier)))]
                    numbers = numpy.append(base, numbers[:1]) if random.random() < 0.5 else base[1:]
                    truth.write(f"{original}\t{name}\n")
                elif offset % 10 == 0:
                    earlier.append((name, numbers))
                lines.append(f'{{"id":"{name}","text":"{words.text(numbers)}"}}\n')
            out.writelines(lines)
            del earlier[:-50_000]


def permutations(words, folder, n_documents, n_clusters):
    numbers = [member for group in clusters_of(words, n_clusters) for member in group]
    rest = lengths(words.random, max(n_documents - len(numbers), 0), 120, 30, 1000)
    numbers += [words.draw(length) for length in rest]
    documents = [(f"p{i:05}", words.text(one)) for i, one in enumerate(numbers[:n_documents])]
    for order in range(50):
        shuffled = words.random.permutation(len(documents))
        write(folder / f"{order:02}.jsonl", (documents[i] for i in shuffled))


MODES = {"planted": (planted, 200_000, 10_000), "curve": (curve, 1_000, 0),
         "short": (short, 5_000_000, 0), "permutations": (permutations, 5_000, 600)}


def make(mode, folder, seed=1, documents=None, clusters=None):
    """Makes a corpus. dedup.py calls it too."""
    run, default_documents, default_clusters = MODES[mode]
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    words = Words(numpy.random.default_rng(seed))
    run(words, folder, documents or default_documents, clusters or default_clusters)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mode", choices=MODES)
    parser.add_argument("folder")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--documents", type=int)
    parser.add_argument("--clusters", type=int)
    make(**vars(parser.parse_args()))
