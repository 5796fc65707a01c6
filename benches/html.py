#!/usr/bin/env python3
"""Compares the extraction of the main text of HTML pages with trafilatura and resiliparse.

usage: html.py HTML_F1 [--repeat 3]

HTML_F1 is the built example `html_f1` of the text crate. GRISTMILL_DATA is the folder with
data/warc/realweb-gold.jsonl and data/extract-readability.tar.zst. Needs trafilatura,
lxml_html_clean, resiliparse and zstandard from PyPI.

Word F1 is computed over the multisets of lower-cased runs of alphanumeric characters, as the mean
over pages. Speed is in pages per second of processor time on one thread: the best of the repeats,
which are interleaved. Every extractor gets the same decoded text. `with` and `without` count the
snippets that the text must and must not contain.
"""
import sys

sys.path.pop(0)  # Otherwise this file would hide Python's own module `html`.
import argparse, collections, io, json, os, pathlib, re, subprocess, tarfile, tempfile, time, zlib

parser = argparse.ArgumentParser()
parser.add_argument("html_f1")
parser.add_argument("--repeat", type=int, default=3)
options = parser.parse_args()
if not os.environ.get("GRISTMILL_DATA"):
    sys.exit("skipped: GRISTMILL_DATA is not set")
data = pathlib.Path(os.environ["GRISTMILL_DATA"]) / "data"

import trafilatura, zstandard
from lxml import html as lxml_html
from resiliparse.extract.html2text import extract_plain_text

BLOCKS = ("p div li h1 h2 h3 h4 h5 h6 br td th tr dt dd pre blockquote section figure figcaption "
          "table ul ol").split()


def words(text):
    return re.findall(r"[^\W_]+", text.lower())


def decode(header, body):
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        label = re.search(rb"charset=[\"']?([\w-]+)", header + body[:2048], re.I)
        try:
            return body.decode(label.group(1).decode() if label else "latin1", "replace")
        except LookupError:
            return body.decode("latin1")


def realweb():
    archives = {}
    for line in (data / "warc/realweb-gold.jsonl").read_text().splitlines():
        row = json.loads(line)
        if row["warc"] not in archives:
            archives[row["warc"]] = (data / "warc" / row["warc"]).read_bytes()
        record = zlib.decompressobj(31).decompress(archives[row["warc"]][row["offset"]:])
        _, header, body = record.split(b"\r\n\r\n", 2)
        yield {"set": "realweb", "html": decode(header, body), "gold_text": row.get("gold_text"),
               "with": row.get("with") or [], "without": row.get("without") or []}


def readability():
    packed = (data / "extract-readability.tar.zst").read_bytes()
    archive = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(packed)).read()
    files = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as members:
        for member in members:
            if member.isfile():
                text = members.extractfile(member).read().decode("utf-8", "replace")
                files[member.name] = text
    for name in sorted(files):
        if not name.endswith("/source.html"):
            continue
        expected = lxml_html.fromstring(files[name.replace("source", "expected")])
        for element in expected.iter(*BLOCKS):
            element.tail = "\n" + (element.tail or "")
            if element.tag != "br":
                element.text = "\n" + (element.text or "")
        for element in expected.iter("script", "style", "noscript"):
            element.text = ""
        yield {"set": "readability", "html": files[name], "gold_text": expected.text_content(),
               "with": [], "without": []}


def timed(function, pages):
    texts, seconds = [], 0.0
    for page in pages:
        start = time.process_time()
        try:
            text = function(page["html"]) or ""
        except Exception:
            text = ""
        seconds += time.process_time() - start
        texts.append(text)
    return texts, seconds


def ours(pages):
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        for page in pages:
            file.write(json.dumps({"html": page["html"]}) + "\n")
        file.flush()
        command = [options.html_f1, file.name, "--texts"]
        lines = subprocess.run(command, check=True, capture_output=True).stdout.splitlines()
    rows = [json.loads(line) for line in lines]
    return [row["text"] for row in rows], sum(row["seconds"] for row in rows)


def scores(text, gold):
    text, gold = collections.Counter(words(text)), collections.Counter(words(gold))
    common = sum((text & gold).values())
    if not common:
        return 0.0, 0.0, 0.0
    precision, recall = common / sum(text.values()), common / sum(gold.values())
    return precision, recall, 2 * precision * recall / (precision + recall)


def plain_text(page):
    return extract_plain_text(page, main_content=True)


extractors = {
    "gristmill": ours,
    "trafilatura": lambda pages: timed(trafilatura.extract, pages),
    "resiliparse": lambda pages: timed(plain_text, pages),
}
pages = [*realweb(), *readability()]
texts, seconds = {}, collections.defaultdict(list)
for _ in range(options.repeat):
    for name, extractor in extractors.items():
        texts[name], taken = extractor(pages)
        seconds[name].append(taken)

print("| extractor | set | pages | P | R | F1 | with | without | pages/s, all sets |")
print("|" + "---|" * 9)
for name in extractors:
    for wanted in ("realweb", "readability"):
        chosen = [(page, text) for page, text in zip(pages, texts[name]) if page["set"] == wanted]
        rows = [scores(text, page["gold_text"]) for page, text in chosen if page["gold_text"]]
        means = " | ".join(f"{sum(column) / len(rows):.4f}" for column in zip(*rows))
        shares = []
        for key in ("with", "without"):
            found = [" ".join(words(snippet)) in " ".join(words(text))
                     for page, text in chosen for snippet in page[key]]
            shares.append(f"{sum(found)} of {len(found)}" if found else "")
        rate = len(pages) / min(seconds[name])
        print(f"| {name} | {wanted} | {len(rows)} | {means} | {' | '.join(shares)} | {rate:.0f} |")
