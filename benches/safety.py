#!/usr/bin/env python3
"""Compares the safety scores with human labels and with a plain word list.

usage: safety.py SAFETY_SCORES [--functions]

SAFETY_SCORES is the built example `safety_scores` of the text crate. GRISTMILL_DATA is the folder
with data/safety. Prints the area under the ROC curve of `toxicity` and of the highest of the three
scores on each labelled set. For HateCheck, it also prints the share of harmless rows flagged at the
recall of the plain list (LDNOOBW, where one hit is enough).
"""
import argparse, collections, json, os, pathlib, re, subprocess, sys

parser = argparse.ArgumentParser()
parser.add_argument("scores")
parser.add_argument("--functions", action="store_true", help="HateCheck by functional class")
options = parser.parse_args()
if not os.environ.get("GRISTMILL_DATA"):
    sys.exit("skipped: GRISTMILL_DATA is not set")
data = pathlib.Path(os.environ["GRISTMILL_DATA"]) / "data/safety"
terms = [line.strip() for line in open(data / "ldnoobw/en", encoding="utf-8") if line.strip()]
plain = re.compile(r"(?<!\w)(?:%s)(?!\w)" % "|".join(map(re.escape, terms)), re.IGNORECASE)


def area(scores, labels):
    ranked, wins, negatives, at = sorted(zip(scores, labels)), 0.0, 0, 0
    while at < len(ranked):
        end = at
        while end < len(ranked) and ranked[end][0] == ranked[at][0]:
            end += 1
        positive = sum(label for _, label in ranked[at:end])
        wins += positive * (negatives + (end - at - positive) / 2)
        negatives += end - at - positive
        at = end
    return wins / max(1, negatives * (len(ranked) - negatives))


def false_positives(scores, labels, recall):
    positive = sorted((s for s, label in zip(scores, labels) if label), reverse=True)
    threshold = positive[min(len(positive), max(1, round(recall * len(positive)))) - 1]
    negative = [s for s, label in zip(scores, labels) if not label]
    return sum(s >= threshold for s in negative) / len(negative)


print("| set | rows | toxicity | highest of three | plain list |\n|---|---|---|---|---|")
for name in ["davidson", "surge", "hatecheck"]:
    path = data / f"{name}.jsonl"
    rows = [json.loads(line) for line in open(path, encoding="utf-8")]
    done = subprocess.run([options.scores, path], capture_output=True, text=True, check=True)
    scored = [json.loads(line) for line in done.stdout.splitlines()]
    labels = [row["label"] in {"offensive", "hate", "Toxic", "hateful"} for row in rows]
    toxicity = [row["toxicity"] for row in scored]
    highest = [max(row["toxicity"], row["nsfw"], row["profanity"]) for row in scored]
    hits = [len(plain.findall(row["text"])) for row in rows]
    print(f"| {name} | {len(rows)} | {area(toxicity, labels):.3f} | {area(highest, labels):.3f} "
          f"| {area(hits, labels):.3f} |")
recall = sum(h > 0 for h, label in zip(hits, labels) if label) / sum(labels)
flagged = sum(h > 0 for h, label in zip(hits, labels) if not label)
plain_share = flagged / (len(labels) - sum(labels))
print(f"\nHateCheck at the plain list's recall of {recall:.3f}: harmless rows flagged by the plain "
      f"list {plain_share:.3f}, by toxicity {false_positives(toxicity, labels, recall):.3f}, "
      f"by the highest of three {false_positives(highest, labels, recall):.3f}")
for wanted in [0.3, 0.5, 0.7]:
    share = false_positives(toxicity, labels, wanted)
    print(f"harmless rows flagged at a recall of {wanted}: {share:.3f}")
if options.functions:
    groups = collections.defaultdict(list)
    for row, score in zip(rows, toxicity):
        groups[row["functionality"]].append((score, row["text"]))
    for name, found in groups.items():
        found.sort()
        middle = found[len(found) // 2][0]
        print(f"{name:24} {len(found):4} median {middle:.2f}  lowest: {found[0][1]!r} "
              f"highest: {found[-1][1]!r}")
