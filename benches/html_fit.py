#!/usr/bin/env python3
"""Fits the weights of text/src/html/weights.rs.

usage: html_fit.py HTML_F1 GOLD.jsonl MANUALS.jsonl [--validate] > weights.rs

HTML_F1 is the built example `html_f1` of the text crate. Each line of GOLD.jsonl has `html` and
`gold_text`. Each line of MANUALS.jsonl has `html`; its blocks count as content unless a name, a
role or the element indicates navigation. There are two logistic regressions (L2, C = 1). The second
also sees the verdicts of the first on the surrounding blocks, from a fit without the page.
`--validate` prints the word F1 over five folds to the standard error. Pages with the same gold text
are in the same fold.

Needs numpy and scikit-learn from PyPI.
"""
import sys

sys.path.pop(0)  # Otherwise html.py would hide Python's own module `html`.
import argparse, collections, difflib, json, re, subprocess, zlib

import numpy as np
from sklearn.linear_model import LogisticRegression

FOLDS = 5
MANUAL_WEIGHT = 0.12
LARGEST_SHARE = 0.3  # the largest weight of a block, as a share of the page's gold words
MIN_PROBABILITY = 0.37
NAVIGATION = ("under navigation", "under sidebar", "under footer", "under unseen", "under consent",
              "item of links", "link share > 0.9")
VERDICTS = ["log odds", "verdict", "verdict -3", "verdict -2", "verdict -1", "verdict +1",
            "verdict +2", "verdict +3", "share kept within 3", "share kept within 8", "best before",
            "best after", "best of the page", "relative to the best", "share of the kept so far",
            "share kept", "length kept"]

parser = argparse.ArgumentParser()
parser.add_argument("html_f1")
parser.add_argument("gold")
parser.add_argument("manuals")
parser.add_argument("--validate", action="store_true")
options = parser.parse_args()


def words(text):
    return re.findall(r"[^\W_]+", text.lower())


def read(path, weight):
    """Yields pages: the features, words and widths of blocks, and the share that is content."""
    command = [options.html_f1, path, "--inspect"]
    inspected = subprocess.Popen(command, stdout=subprocess.PIPE)
    for line, blocks in zip(open(path), inspected.stdout):
        gold, blocks = json.loads(line).get("gold_text"), json.loads(blocks)
        if not blocks:
            continue
        names = [name for name, _ in blocks[0][2]]
        page = {"names": names, "weight": weight, "words": [words(block[0]) for block in blocks],
                "x": np.array([[value for _, value in block[2]] for block in blocks], np.float32)}
        wide = [sum(2 if ord(c) >= 0x3000 else 1 for c in block[0]) for block in blocks]
        page["widths"] = np.array(wide, float)
        if gold is None:
            columns = [names.index(name) for name in NAVIGATION]
            page["y"] = 1.0 - (page["x"][:, columns] > 0).any(axis=1)
            page["gold"] = [w for ws, y in zip(page["words"], page["y"]) if y for w in ws]
        else:
            page["gold"] = words(gold)
            page["y"] = shares_in(page["words"], page["gold"])
        page["fold"] = zlib.crc32(" ".join(sorted(set(page["gold"]))[:30]).encode()) % FOLDS
        yield page


def shares_in(blocks, gold):
    """Returns the share of each block's words that an alignment with the gold text matches."""
    flat = [word for block in blocks for word in block]
    owner = [index for index, block in enumerate(blocks) for _ in block]
    matched = np.zeros(len(blocks))
    is_long = len(flat) * len(gold) > 3e7
    for match in difflib.SequenceMatcher(None, flat, gold, autojunk=is_long).get_matching_blocks():
        for at in range(match.a, match.a + match.size):
            matched[owner[at]] += 1
    return matched / np.maximum([len(block) for block in blocks], 1)


def fit(pages, key):
    x, y, weights = [], [], []
    for page in pages:
        lengths = np.array([len(block) for block in page["words"]], float)
        weight = np.minimum(lengths / max(len(page["gold"]), 1), LARGEST_SHARE)
        weight = (weight + 0.002 * (lengths > 0)) * page["weight"]
        x += [page[key], page[key]]
        y += [np.ones(len(lengths)), np.zeros(len(lengths))]
        weights += [weight * page["y"], weight * (1 - page["y"])]
    x, y, weights = np.vstack(x), np.concatenate(y), np.concatenate(weights) * 1000 / len(pages)
    used = weights > 0
    regression = LogisticRegression(C=1.0, max_iter=400)
    return regression.fit(x[used], y[used], sample_weight=weights[used])


def cross_fit(pages, key):
    """Sets `p` of each page from a fit to the other folds."""
    for fold in range(FOLDS):
        model = fit([page for page in pages if page["fold"] != fold], key)
        for page in pages:
            if page["fold"] == fold:
                page["p"] = model.predict_proba(page[key])[:, 1]


def verdicts(p, widths):
    """The verdicts around each block, as text/src/html/content.rs computes them."""
    count, bounded, at = len(p), np.clip(p, 1e-4, 1 - 1e-4), np.arange(len(p))
    columns = [np.log(bounded / (1 - bounded)), p]
    for offset in (-3, -2, -1, 1, 2, 3):
        there = at + offset
        inside = (there >= 0) & (there < count)
        columns.append(np.where(inside, p[np.clip(there, 0, count - 1)], 0))
    width_sums = np.concatenate([[0], np.cumsum(widths)])
    kept_sums = np.concatenate([[0], np.cumsum(widths * p)])
    for reach in (3, 8):
        start, end = np.maximum(at - reach, 0), np.minimum(at + reach + 1, count)
        kept = kept_sums[end] - kept_sums[start] - widths * p
        around = width_sums[end] - width_sums[start] - widths
        columns.append(np.clip(kept / np.maximum(around, 1), 0, 1))
    kept = kept_sums[-1]
    columns += [np.maximum.accumulate(p), np.maximum.accumulate(p[::-1])[::-1],
                np.full(count, p.max()), p / p.max(), kept_sums[1:] / max(kept, 1e-6),
                np.full(count, kept / max(width_sums[-1], 1)),
                np.full(count, min(np.log1p(kept) / 10, 1))]
    return np.column_stack(columns).astype(np.float32)


def f1(page):
    chosen = page["p"] >= min(MIN_PROBABILITY, page["p"].max())
    text = collections.Counter(w for ws, keep in zip(page["words"], chosen) if keep for w in ws)
    common = sum((text & collections.Counter(page["gold"])).values())
    return 2 * common / (sum(text.values()) + len(page["gold"]))


def number(value):
    text = f"{value:.2f}".rstrip("0")
    return "0.0" if float(text) == 0 else text + "0" * text.endswith(".")


pages = [*read(options.gold, 1.0), *read(options.manuals, MANUAL_WEIGHT)]
cross_fit(pages, "x")
for page in pages:
    page["x2"] = np.column_stack([page["x"], verdicts(page["p"], page["widths"])])
if options.validate:
    cross_fit(pages, "x2")
    for weight in (1.0, MANUAL_WEIGHT):
        chosen = [f1(page) for page in pages if page["weight"] == weight]
        print(f"{len(chosen)} pages: F1 {np.mean(chosen):.4f}", file=sys.stderr)
weights = []
for key in ("x", "x2"):
    model = fit(pages, key)
    weights.append(model.coef_[0].copy())
    weights[-1][0] += model.intercept_[0]  # The first feature is always 1.
names = pages[0]["names"]
print(f"""//! The weights of the two regressions that select the content ([`super::content`]).
//!
//! They were fitted by `benches/html_fit.py` on 368 pages with gold text (Readability's test pages,
//! news, blogs and shops) and, with less weight, on 130 pages of manuals. In manuals everything
//! counts as content that is not marked as navigation by a name, a role or an element. A feature
//! multiplied by its weight is added to the log odds of being content.

/// The features of a block in the order of [`super::features::Page::describe`], with their weights
/// in the first and the second regression.
#[rustfmt::skip]
pub(super) const FEATURES: [(&str, f32, f32); {len(names)}] = [""")
for name, first, second in zip(names, *weights):
    print(f'    ("{name}", {number(first)}, {number(second)}),')
print(f"""];

/// The verdicts around a block in the order of [`super::content::Verdicts::describe`], with their
/// weights in the second regression.
#[rustfmt::skip]
pub(super) const VERDICTS: [(&str, f32); {len(VERDICTS)}] = [""")
for name, weight in zip(VERDICTS, weights[1][len(names):]):
    print(f'    ("{name}", {number(weight)}),')
print("];")
