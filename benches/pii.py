#!/usr/bin/env python3
"""Compares precision and recall of personal data with datatrove's formatter and presidio, by kind.

usage: pii.py PII_ACCURACY [--examples 5] [--corpus FILE.jsonl]

PII_ACCURACY is the built example `pii_accuracy`. GRISTMILL_DATA is the folder with data/pii. Needs
`pip install presidio-analyzer datatrove`. Prints Markdown tables, and examples that each system
missed (`-`) or found wrongly (`+`). With a corpus, also prints the pieces per MB that ours finds.

presidio uses the words around a match (its context enhancer, over words in lower case). It has no
trained model, because none of these kinds needs one. A span counts as found if a span of the same
kind overlaps it.
"""
import argparse, collections, inspect, json, os, pathlib, subprocess, sys, time

parser = argparse.ArgumentParser()
parser.add_argument("accuracy")
parser.add_argument("--examples", type=int, default=5)
parser.add_argument("--corpus")
options = parser.parse_args()
if not os.environ.get("GRISTMILL_DATA"):
    sys.exit("skipped: GRISTMILL_DATA is not set")
data = pathlib.Path(os.environ["GRISTMILL_DATA"]) / "data/pii"

import spacy
import tldextract
from datatrove.pipeline.formatters.pii import PIIFormatter
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry, predefined_recognizers
from presidio_analyzer.nlp_engine import SpacyNlpEngine

# Use the list of top-level domains in the package, without a download.
tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=())

KINDS = {"email": "EMAIL_ADDRESS", "ip": "IP_ADDRESS", "card": "CREDIT_CARD", "iban": "IBAN_CODE",
         "phone": "PHONE_NUMBER", "ssn": "US_SSN", "url": "URL"}
LABELS = {label: kind for kind, label in KINDS.items()} | {"DOMAIN_NAME": "url"}


def read(name):
    return [json.loads(line) for line in (data / name).read_text().splitlines()]


def ours(file, *flags):
    command = [options.accuracy, str(file), "--json", *flags]
    printed = subprocess.run(command, check=True, capture_output=True)
    return [json.loads(line) for line in printed.stdout.splitlines()]


class Words(SpacyNlpEngine):
    """spaCy without a model: words are their own lemmas."""

    def __init__(self):
        super().__init__()
        self.nlp = {"en": spacy.blank("en")}

    def load(self):
        pass

    def process_text(self, text, language):
        document = self.nlp[language](text)
        for token in document:
            token.lemma_ = token.lower_
        return self._doc_to_nlp_artifact(document, language)


def presidio_engine():
    registry = RecognizerRegistry(supported_languages=["en"])
    registry.load_predefined_recognizers(languages=["en"])
    registry.remove_recognizer("SpacyRecognizer")
    return AnalyzerEngine(registry=registry, nlp_engine=Words(), supported_languages=["en"])


def presidio_spans(engine, text, least):
    results = engine.analyze(
        text, language="en", entities=list(KINDS.values()), score_threshold=least)
    mails = [result for result in results if result.entity_type == "EMAIL_ADDRESS"]

    def is_inside_mail(result):
        return result.entity_type == "URL" and any(
            mail.start <= result.start and result.end <= mail.end for mail in mails)

    return [(result.start, result.end, LABELS[result.entity_type])
            for result in results if not is_inside_mail(result)]


formatter = PIIFormatter()


def datatrove_spans(text):
    emails, ips = formatter.emails_replacer, formatter.ip_replacer
    spans = [(match.start(), match.end(), "email") for match in emails.regex.finditer(text)]
    return spans + [(match.start(), match.end(), "ip") for match in ips.regex.finditer(text)
                    if ips.validator(match.group(0))]


def overlaps(a, b):
    return a[2] == b[2] and a[0] < b[1] and b[0] < a[1]


def compare(rows, found):
    """Returns the counts (right, wrong, missed) of each kind, and the examples."""
    tallies, examples = collections.defaultdict(lambda: [0, 0, 0]), collections.defaultdict(list)
    for row, spans in zip(rows, found):
        gold = [(span["start"], span["end"], LABELS[span["type"]])
                for span in row["spans"] if span["type"] in LABELS]
        for span in spans:
            is_right = any(overlaps(span, other) for other in gold)
            tallies[span[2]][0 if is_right else 1] += 1
            if not is_right:
                examples[span[2]].append(f"+ {row['text'][span[0]:span[1]]!r}")
        for span in gold:
            if not any(overlaps(span, other) for other in spans):
                tallies[span[2]][2] += 1
                examples[span[2]].append(f"- {row['text'][span[0]:span[1]]!r}")
    return tallies, examples


def ratio(part, whole):
    return f"{part / whole:.3f}" if whole else "–"


rows = read("pii-spans.jsonl")
size = sum(len(row["text"].encode()) for row in rows)
engine = presidio_engine()
systems = {"ours": [
    [(span["start"], span["end"], span["kind"]) for span in row["spans"] if span["kind"] in KINDS]
    for row in ours(data / "pii-spans.jsonl")
]}
for name, find in {
    "presidio, any score": lambda text: presidio_spans(engine, text, 0.0),
    "presidio, score ≥ 0.4": lambda text: presidio_spans(engine, text, 0.4),
    "datatrove": datatrove_spans,
}.items():
    start = time.perf_counter()
    systems[name] = [find(row["text"]) for row in rows]
    print(f"{name}: {size / 1e6 / (time.perf_counter() - start):.2f} MB/s")

print("\n| kind | gold | " + " | ".join(f"{name} P / R" for name in systems) + " |")
print("|---|---|" + "---|" * len(systems))
compared = {name: compare(rows, found) for name, found in systems.items()}
for kind in KINDS:
    right, _, missed = compared["ours"][0][kind]
    cells = []
    for tallies, _ in compared.values():
        hit, wrong, lost = tallies[kind]
        cells.append(f"{ratio(hit, hit + wrong)} / {ratio(hit, hit + lost)}")
    print(f"| {kind} | {right + missed} | " + " | ".join(cells) + " |")
for name, (_, examples) in compared.items():
    for kind in KINDS:
        for example in examples[kind][:options.examples]:
            print(f"{name} {kind}: {example}")

# The cases: each is given only to the recognisers of its entity.
recognizers = collections.defaultdict(list)
for name, recognizer in inspect.getmembers(predefined_recognizers, inspect.isclass):
    try:
        made = recognizer()
    except Exception:  # Some need a server or a model; they are skipped.
        continue
    if hasattr(made, "patterns") or name == "PhoneRecognizer":
        for entity in made.supported_entities:
            recognizers[entity].append(made)
recognizers["PHONE"] = recognizers["PHONE_NUMBER"]

passed = collections.defaultdict(lambda: collections.Counter())
misses = []
for row, found in zip(read("pii-cases.jsonl"), ours(data / "pii-cases.jsonl", "--alone")):
    if not found["is_claimed"]:
        continue
    entity, text = row["entity"], row["text"]
    gold = [(span["start"], span["end"], entity) for span in row["spans"]]

    def matches(spans):
        return (all(any(overlaps(span, other) for other in gold) for span in spans)
                and all(any(overlaps(span, other) for other in spans) for span in gold))

    is_right = matches([(span["start"], span["end"], entity) for span in found["spans"]])
    passed[entity]["cases"] += 1
    passed[entity]["ours"] += is_right
    if recognizers[entity]:
        results = [result for recognizer in recognizers[entity]
                   for result in recognizer.analyze(text, recognizer.supported_entities, None)]
        passed[entity]["presidio cases"] += 1
        passed[entity]["presidio"] += matches(
            [(result.start, result.end, entity) for result in results if result.score > 0])
    if not is_right:
        labelled = [text[span[0]:span[1]] for span in gold]
        misses.append(f"ours {entity}: {text!r}, labelled {labelled}")
print("\n| entity | cases | ours | presidio |\n|---|---|---|---|")
total = sum(passed.values(), collections.Counter())
for entity, counts in [*sorted(passed.items()), ("**all**", total)]:
    n_cases = counts["presidio cases"]
    theirs = f"{counts['presidio']}/{n_cases}" if n_cases else "–"
    print(f"| {entity} | {counts['cases']} | {counts['ours']} | {theirs} |")
print(f"\nours: {total['ours'] / total['cases']:.3f} of the cases of supported entities")
for miss in misses:
    print(miss)

if options.corpus:
    size = sum(len(json.loads(line)["text"].encode()) for line in open(options.corpus))
    spans = (span for row in ours(options.corpus) for span in row["spans"])
    counts = collections.Counter(span["kind"] for span in spans)
    print("\n| kind | pieces | per MB |\n|---|---|---|")
    for kind, count in sorted(counts.items()):
        print(f"| {kind} | {count} | {count / (size / 1e6):.2f} |")
