#!/usr/bin/env python3
"""Compares `gristmill dedup` with known duplicates, with rensa 0.5 and with datatrove 0.10.

usage: dedup.py GRISTMILL [--only PART,PART…]

The parts are revisions, paraphrases, curve, planted, order, peers, speed, linear and memory.
GRISTMILL_DATA is the folder with data/dedup, data/corpus and baselines. dedup_corpus.py makes the
corpora with known duplicates. Needs numpy, pyarrow, zstandard, rensa and datatrove[processing].
Similarity is the Jaccard similarity of the sets of word 5-grams in lower case. A word is a run of
letters and digits or one character of Chinese or Japanese; every number counts as 0.
"""
import argparse, collections, itertools, json, os, pathlib, re, shutil, statistics, subprocess
import sys, tempfile, time

import pyarrow.parquet
import zstandard
from dedup_corpus import make
from dedup_plot import plot

# This folder has an html.py, which would hide Python's own module from datatrove.
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:] = [path for path in sys.path if pathlib.Path(path).resolve() != HERE]
NGRAM_WORDS = 5
# Each character of Chinese and Japanese is a word.
WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W_\u3040-\u30ff\u3400-\u9fff]+")


def records(path):
    path = pathlib.Path(path)
    open_text = zstandard.open if path.suffix == ".zst" else open
    with open_text(path, "rt", encoding="utf-8", newline="\n") as lines:
        yield from map(json.loads, lines)


def texts(path):
    return {str(row["id"]): row["text"] for row in records(path)}


class Truth:
    """The true similarity of documents. It caches the 5-grams of each document."""

    def __init__(self, by_id):
        self.texts, self.sets = by_id, {}

    def shingles(self, name):
        if name not in self.sets:
            words = re.findall(WORD, re.sub(r"\d+(?:[.,]\d+)?", "0", self.texts[name].lower()))
            starts = range(len(words) - NGRAM_WORDS + 1)
            self.sets[name] = {hash(tuple(words[i : i + NGRAM_WORDS])) for i in starts}
        return self.sets[name]

    def jaccard(self, a, b):
        a, b = self.shingles(a), self.shingles(b)
        union = len(a | b)
        return len(a & b) / union if union else 1.0


class Groups:
    """Disjoint sets."""

    def __init__(self):
        self.parent = {}

    def root(self, name):
        self.parent.setdefault(name, name)
        while self.parent[name] != name:
            self.parent[name] = self.parent[self.parent[name]]
            name = self.parent[name]
        return name

    def join(self, a, b):
        self.parent[self.root(a)] = self.root(b)

    def same(self, a, b):
        return a == b or (a in self.parent and b in self.parent and self.root(a) == self.root(b))

    def members(self):
        found = collections.defaultdict(list)
        for name in self.parent:
            found[self.root(name)].append(name)
        return [group for group in found.values() if len(group) > 1]


class Run:
    """One run of the binary: clusters, kept identifiers, seconds and peak memory."""

    def __init__(self, binary, documents, *arguments, threads=1, prefix=(), read=True):
        with tempfile.TemporaryDirectory() as folder:
            output = pathlib.Path(folder, "kept.jsonl")
            clusters = pathlib.Path(folder, "clusters.parquet")
            command = [*prefix, binary, "dedup", documents, "--output", output,
                       "--clusters", clusters, "--threads", threads, *arguments]
            start = time.monotonic()
            with open(pathlib.Path(folder, "said"), "w+b") as said:
                process = subprocess.Popen(list(map(str, command)), stdout=said, stderr=said)
                _, status, usage = os.wait4(process.pid, 0)
                self.seconds, self.peak_mib = time.monotonic() - start, usage.ru_maxrss / 1024
                self.cpu_seconds = usage.ru_utime + usage.ru_stime
                said.seek(0)
                self.said = said.read().decode(errors="replace")
            if status:
                sys.exit(f"{' '.join(map(str, command))} failed:\n{self.said}")
            if read:
                self.kept = [str(row["id"]) for row in records(output)]
                self.kept_set = set(self.kept)
                self.read_clusters(clusters)
            else:
                with open(output, "rb") as lines:
                    blocks = iter(lambda: lines.read(1 << 20), b"")
                    self.n_kept = sum(block.count(b"\n") for block in blocks)

    def read_clusters(self, path):
        self.groups, self.similarity = Groups(), {}
        self.rows = pyarrow.parquet.read_table(path).to_pylist()
        first = {}
        for row in self.rows:
            name = str(row["id"])
            self.groups.join(first.setdefault(row["cluster"], name), name)
            self.similarity[name] = row["similarity"]


def merged_pairs(groups, truth, limit=200):
    """Yields the similarity of all pairs in clusters, among the first `limit` of each cluster."""
    for group in groups.members():
        for a, b in itertools.combinations(sorted(group)[:limit], 2):
            yield truth.jaccard(a, b), a, b


def table_head(*columns):
    """Prints the head of a Markdown table."""
    print("| " + " | ".join(columns) + " |\n|" + "---|" * len(columns))


AT_08 = ["--threshold", "0.8"]
JACCARD_08, SIGNATURE_08, OFF_08 = (
    [*AT_08, "--verify", verify] for verify in ("jaccard", "signature", "off"))


def revisions(options, data, work):
    documents = data / "data/dedup/revisions.docs.jsonl.zst"
    rows = records(data / "data/dedup/revisions.pairs.jsonl")
    pairs = [(row["a"], row["b"], row["jaccard_w5"]) for row in rows]
    truth = Truth(texts(documents))
    differ = sorted(abs(truth.jaccard(a, b) - j) for a, b, j in pairs)
    print(f"## Revisions: {len(truth.texts)} documents, {len(pairs)} pairs; our similarity differs "
          f"from the listed one by {differ[len(differ) // 2]:.4f} (median) and "
          f"{differ[-1]:.3f} (maximum)\n")
    table_head("preset, threshold, verify", "recall of pairs >= 0.8",
               "merged of listed pairs < 0.8", "merged of pairs <= 0.5",
               "merged pairs >= 0.8 / all in clusters", "lowest merged")
    rows = {}
    for preset, extra in (("fineweb", JACCARD_08), ("fineweb", SIGNATURE_08), ("fineweb", OFF_08),
                          ("fast", AT_08), ("fast", OFF_08), ("fineweb", []),
                          ("datatrove-0.10", [])):
        run = Run(options.binary, documents, "--preset", preset, *extra)
        rows[f"{preset} {' '.join(extra)}"] = run.groups
    for peer in filter(None, options.peers.split(",")):
        rows[peer] = PEERS[peer](documents)
    for name, groups in rows.items():
        merged = [groups.same(a, b) for a, b, _ in pairs]
        alike = [m for m, (_, _, j) in zip(merged, pairs) if j >= 0.8]
        unlike = [m for m, (_, _, j) in zip(merged, pairs) if j < 0.8]
        low = [m for m, (_, _, j) in zip(merged, pairs) if j <= 0.5]
        inside = [j for j, _, _ in merged_pairs(groups, truth)]
        right = sum(j >= 0.8 for j in inside)
        share = right / max(len(inside), 1)
        print(f"| {name} | {sum(alike)}/{len(alike)} = {sum(alike) / len(alike):.1%} "
              f"| {sum(unlike)}/{len(unlike)} | {sum(low)}/{len(low)} "
              f"| {right}/{len(inside)} = {share:.1%} | {min(inside, default=1):.2f} |")
        if "jaccard" in name:
            missed = [j for m, (_, _, j) in zip(merged, pairs) if not m and j >= 0.8]
            missed = sorted(missed, reverse=True)[:20]
            print(f"<!-- missed pairs >= 0.8: {[round(j, 2) for j in missed]} -->")


def paraphrases(options, data, work):
    path = work / "paraphrases.jsonl"
    with open(path, "w") as out:
        for row in records(data / "data/dedup/paraphrases.jsonl"):
            for side in "ab":
                out.write(json.dumps({"id": f"{row['id']}.{side}", "text": row[side]}) + "\n")
    truth = Truth(texts(path))
    print(f"\n## Paraphrases: {len(truth.texts)} sentences\n")
    for preset, extra in (("fineweb", JACCARD_08), ("fineweb", []), ("fast", []),
                          ("datatrove-0.10", [])):
        run = Run(options.binary, path, "--preset", preset, *extra)
        inside = sorted((round(j, 3), a, b) for j, a, b in merged_pairs(run.groups, truth))
        print(f"{preset} {' '.join(extra)}: {len(truth.texts) - len(run.kept)} removed, "
              f"{len(inside)} pairs in clusters, {sum(j < 0.8 for j, _, _ in inside)} of them "
              "below 0.8")
        for j, a, b in inside[: options.show]:
            print(f"  {j} {a}: {truth.texts[a][:110]!r}\n        {b}: {truth.texts[b][:110]!r}")


def curve(options, data, work):
    make("curve", work / "curve")
    pairs = json.loads((work / "curve/truth.json").read_text())["pairs"]
    print("\n## S-curve of isolated pairs, without verification\n")
    table_head("similarity", "pairs", "fineweb, merged", "1 - (1 - s^8)^14", "fast, merged",
               "fineweb, jaccard at 0.8", "fast, default at 0.8")
    documents = work / "curve/documents.jsonl"
    runs = [Run(options.binary, documents, "--preset", preset, *extra) for preset, extra in (
        ("fineweb", ["--verify", "off"]), ("fast", ["--verify", "off"]),
        ("fineweb", JACCARD_08), ("fast", AT_08))]
    by_similarity = collections.defaultdict(list)
    measured = collections.defaultdict(list)
    for a, b, _ in pairs:
        by_similarity[a[1:].split("-")[0]].append((a, b, _))
    for percent, found in by_similarity.items():
        shares = [sum(run.groups.same(a, b) for a, b, _ in found) / len(found) for run in runs]
        theory = statistics.mean(1 - (1 - j**8) ** 14 for _, _, j in found)
        for name, share in zip(("fineweb", "fast", "fineweb, verified at 0.8"), shares):
            measured[name].append((int(percent) / 100, share))
        print(f"| {int(percent) / 100:.2f} | {len(found)} | {shares[0]:.1%} | {theory:.1%} "
              f"| {shares[1]:.1%} | {shares[2]:.1%} | {shares[3]:.1%} |")
    if options.plot:
        plot(measured, pathlib.Path(options.plot))


def planted(options, data, work):
    make("planted", work / "planted")
    told = json.loads((work / "planted/truth.json").read_text())
    cluster_of = {name: number for number, group in enumerate(told["clusters"]) for name in group}
    template_of = {name: number for number, group in enumerate(told["templates"]) for name in group}
    n_documents = sum(1 for _ in open(work / "planted/documents.jsonl"))

    def planted_beside(name, other):
        return cluster_of.get(name, -1) == cluster_of.get(other, -2)

    print(f"\n## Planted: {n_documents:,} documents, {len(told['clusters']):,} clusters of "
          f"{len(cluster_of):,} documents, {len(template_of):,} documents with a template\n")
    table_head("preset, verify", "planted pairs in one cluster", "clusters found whole",
               "removed beyond the planted", "of these with a template", "seconds", "peak MiB")
    wanted = n_documents - len(cluster_of) + len(told["clusters"])
    for preset, extra in (("fineweb", JACCARD_08), ("fineweb", SIGNATURE_08), ("fast", AT_08),
                          ("fineweb", ["--verify", "off"])):
        run = Run(options.binary, work / "planted/documents.jsonl", "--preset", preset, *extra,
                  threads=options.threads)
        kept = set(run.kept)
        together = sum(run.groups.same(a, b) for a, b, _ in told["pairs"])
        whole = sum(all(run.groups.same(group[0], name) for name in group)
                    for group in told["clusters"])
        # A removal is false if no other document of the cluster was planted in the same cluster.
        false = [name for group in run.groups.members() for name in group if name not in kept
                 and not any(planted_beside(name, other) for other in group if other != name)]
        n_pairs = len(told["pairs"])
        print(f"| {preset} {' '.join(extra)} | {together:,}/{n_pairs:,} = {together / n_pairs:.2%} "
              f"| {whole:,} | {len(false):,} | {sum(name in template_of for name in false):,} "
              f"| {run.seconds:.1f} | {run.peak_mib:.0f} |  "
              f"<!-- kept {len(kept):,}, best possible {wanted:,} -->")


def order(options, data, work):
    make("permutations", work / "order")
    print("\n## 50 orders of the same 5,000 documents\n")
    for preset, threads, extra in (("fineweb", 1, []), ("fast", 1, []), ("fast", 2, []),
                                   ("fineweb", 1, ["--keep", "length(text) ASC"])):
        kept = collections.Counter()
        for path in sorted((work / "order").glob("*.jsonl")):
            run = Run(options.binary, path, "--preset", preset, *AT_08, *extra, threads=threads)
            kept[tuple(sorted(run.kept))] += 1
        print(f"{preset} at 0.8 {' '.join(extra)}, {threads} threads: {len(kept)} different sets "
              f"of survivors, {min(map(len, kept)):,} to {max(map(len, kept)):,} documents",
              flush=True)
    shutil.rmtree(work / "order")


def sample(data, work, n_documents):
    path = work / f"docs-{n_documents}.jsonl"
    if not path.exists():
        with open(path, "w") as out:
            rows = itertools.islice(records(data / "data/corpus/docs.jsonl.zst"), n_documents)
            for number, row in enumerate(rows):
                # The identifiers of this corpus are not unique.
                out.write(json.dumps({"id": f"{number}-{row['id']}", "text": row["text"]}) + "\n")
    return path


def rensa_groups(path):
    """Returns the clusters of rensa, with the settings of baselines/minhash_peers.py."""
    from rensa import RMinHash, RMinHashLSH

    index, groups, names = RMinHashLSH(threshold=0.75, num_perm=112, num_bands=14), Groups(), []
    for row in records(path):
        words = row["text"].lower().split()
        minhash = RMinHash(num_perm=112, seed=42)
        starts = range(max(1, len(words) - NGRAM_WORDS + 1))
        minhash.update([" ".join(words[i : i + NGRAM_WORDS]) for i in starts])
        for other in index.query(minhash):
            groups.join(names[other], str(row["id"]))
        index.insert(len(names), minhash)
        names.append(str(row["id"]))
    return groups


def datatrove_groups(path):
    """Returns the clusters of datatrove's three stages."""
    from datatrove.data import Document
    from datatrove.pipeline.dedup import MinhashDedupBuckets, MinhashDedupSignature
    from datatrove.pipeline.dedup.minhash import MinhashConfig
    from datatrove.utils.hashing import HashConfig
    from loguru import logger

    logger.disable("datatrove")
    config = MinhashConfig(hash_config=HashConfig(precision=64), n_grams=NGRAM_WORDS,
                           num_buckets=14, hashes_per_bucket=8)
    documents = [Document(text=row["text"], id=str(row["id"])) for row in records(path)]
    with tempfile.TemporaryDirectory() as folder:
        signatures, pairs = f"{folder}/signatures", f"{folder}/pairs"
        for _ in MinhashDedupSignature(signatures, config).run(iter(documents), 0, 1) or ():
            pass
        for rank in range(14):
            MinhashDedupBuckets(signatures, pairs, config=config).run(None, rank, 14)
        groups = Groups()
        for file in pathlib.Path(pairs).glob("*.dups"):
            numbers = memoryview(file.read_bytes()).cast("I")
            for place in range(0, len(numbers), 4):
                first, second = numbers[place + 1], numbers[place + 3]
                groups.join(documents[first].id, documents[second].id)
    return groups


PEERS = {"rensa": rensa_groups, "datatrove": datatrove_groups}


def pairs_of(groups_of_all, limit=40):
    """All pairs in one cluster of any of the groups, among the first `limit` of each cluster."""
    return {tuple(sorted(pair)) for groups in groups_of_all for group in groups.members()
            for pair in itertools.combinations(sorted(group)[:limit], 2)}


def peers(options, data, work):
    path = sample(data, work, options.documents)
    truth = Truth(texts(path))
    flags = {"fineweb, jaccard at 0.8": ["fineweb", *JACCARD_08], "fast at 0.8": ["fast", *AT_08],
             "datatrove-0.10": ["datatrove-0.10"]}
    runs = {name: Run(options.binary, path, "--preset", *given) for name, given in flags.items()}
    ours = {name: run.groups for name, run in runs.items()}
    theirs = {peer: PEERS[peer](path) for peer in options.peers.split(",")}
    print(f"\n## Clusters of the peers: {len(truth.texts):,} documents of corpus/docs\n\n"
          "Pairs in one cluster of either (among the first 40 members of each cluster), by true "
          "similarity: both / only ours / only theirs\n")
    bounds = (0.0, 0.5, 0.7, 0.8, 0.9, 1.0)
    table_head("ours and theirs", *(f">= {bound}" for bound in bounds))
    for (our_name, our), (their_name, their) in itertools.product(ours.items(), theirs.items()):
        table = {bound: [0, 0, 0] for bound in bounds}
        for a, b in pairs_of([our, their]):
            place = 0 if our.same(a, b) and their.same(a, b) else 1 if our.same(a, b) else 2
            table[max(bound for bound in bounds if truth.jaccard(a, b) >= bound)][place] += 1
        cells = " | ".join("/".join(map(str, counts)) for counts in table.values())
        print(f"| {our_name} and {their_name} | {cells} |")
    # A document is rightly removed if a similar one is kept, and of two similar documents only one
    # should be kept. The peers keep any one document of a cluster.
    joined = pairs_of([*ours.values(), *theirs.values()])
    alike = [pair for pair in joined if truth.jaccard(*pair) >= 0.8]
    print()
    table_head("system", "removed", "of these without a similar (>= 0.8) document that is kept",
               f"both kept, of the {len(alike):,} similar pairs that any system joined")
    for name, groups in {**ours, **theirs}.items():
        alone, gone = 0, set()
        for group in groups.members():
            kept = {min(group)}
            if name in runs:
                kept = {member for member in group if member in runs[name].kept_set}
            removed = [member for member in group if member not in kept]
            gone.update(removed)
            alone += sum(all(truth.jaccard(member, other) < 0.8 for other in kept)
                         for member in removed)
        both = sum(a not in gone and b not in gone for a, b in alike)
        print(f"| {name} | {len(gone):,} | {alone:,} | {both:,} |")


def megabytes_of(path):
    return sum(len(text.encode()) for text in texts(path).values()) / 1e6


def speed(options, data, work):
    path = sample(data, work, options.documents)
    megabytes = megabytes_of(path)
    pin = ["taskset", "-c", "0"]
    seconds, peaks = collections.defaultdict(list), {}
    for _ in range(options.repeat):
        for preset in ("fineweb", "fast", "datatrove-0.10"):
            run = Run(options.binary, path, "--preset", preset, prefix=pin, read=False)
            seconds[f"gristmill {preset}"].append((run.cpu_seconds, run.seconds))
            peaks[f"gristmill {preset}"] = run.peak_mib
        for peer in options.peers.split(","):
            given = path
            if peer == "datatrove":
                given = sample(data, work, 4000)
            before = os.times()
            command = [*pin, sys.executable, data / "baselines/minhash_peers.py", peer, given]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            after = os.times()
            cpu = (after.children_user + after.children_system
                   - before.children_user - before.children_system)
            wall = float(re.search(r"seconds=([\d.]+)", done.stdout)[1])
            seconds[peer].append((cpu, wall))
            peaks[peer] = float(re.search(r"peak_rss_mib=(\d+)", done.stdout)[1])
    print(f"\n## Speed on one core, {options.documents:,} documents, {megabytes:.1f} MB of text, "
          f"{options.repeat} interleaved runs\n")
    table_head("", "processor seconds, median (min to max)", "MB/s of processor time",
               "wall-clock seconds", "peak MiB")
    for name, spent in seconds.items():
        size = megabytes
        if name == "datatrove":
            size = megabytes_of(sample(data, work, 4000))
        cpu, wall = zip(*spent)
        middle = statistics.median(cpu)
        print(f"| {name} | {middle:.2f} ({min(cpu):.2f} to {max(cpu):.2f}) | {size / middle:.1f} "
              f"| {statistics.median(wall):.2f} | {peaks[name]:.0f} |")
    print("\nrensa includes reading its input; datatrove is only its signature stage, on 4,000 "
          "documents.")


SHORT_COLUMNS = ["documents", "MB", "seconds", "documents/s", "MB/s", "peak MiB", "kept"]


def linear(options, data, work):
    print(f"\n## Short documents, {options.threads} threads\n")
    table_head(*SHORT_COLUMNS, "recall of planted pairs")
    for n_documents in map(int, options.sizes.split(",")):
        measure_short(options, work, n_documents)


def memory(options, data, work):
    print("\n## Memory limit of 512 MiB, short documents\n")
    table_head(*SHORT_COLUMNS, "planted pairs")
    measure_short(options, work, options.memory_documents, "--memory", "512MiB")


def measure_short(options, work, n_documents, *extra):
    folder = work / f"short-{n_documents}"
    if not (folder / "truth.tsv").exists():
        make("short", folder, documents=n_documents)
    n_pairs = sum(1 for _ in open(folder / "truth.tsv"))
    megabytes = (folder / "documents.jsonl").stat().st_size / 1e6
    run = Run(options.binary, folder / "documents.jsonl", "--preset", "fineweb", *extra,
              threads=options.threads, read=False)
    print(f"| {n_documents:,} | {megabytes:,.0f} | {run.seconds:.1f} "
          f"| {n_documents / run.seconds:,.0f} | {megabytes / run.seconds:.1f} "
          f"| {run.peak_mib:,.0f} | {run.n_kept:,} "
          f"| {n_documents - run.n_kept:,} removed of {n_pairs:,} |", flush=True)
    if not options.keep:
        shutil.rmtree(folder)


PARTS = {"revisions": revisions, "paraphrases": paraphrases, "curve": curve, "planted": planted,
         "order": order, "peers": peers, "speed": speed, "linear": linear, "memory": memory}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary")
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--work", help="a folder for corpora; by default a temporary one")
    parser.add_argument("--keep", action="store_true", help="keep the corpora of short documents")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--documents", type=int, default=20_000,
                        help="number of documents of corpus/docs for peers and speed")
    parser.add_argument("--peers", default="rensa,datatrove")
    parser.add_argument("--sizes", default="100000,1000000,10000000")
    parser.add_argument("--memory-documents", type=int, default=5_000_000)
    parser.add_argument("--plot", help="draw the S-curve to this SVG file")
    parser.add_argument("--show", type=int, default=5)
    options = parser.parse_args()
    if not os.environ.get("GRISTMILL_DATA"):
        sys.exit("skipped: GRISTMILL_DATA is not set")
    options.binary = pathlib.Path(options.binary).resolve()
    with tempfile.TemporaryDirectory() as temporary:
        work = pathlib.Path(options.work or temporary)
        work.mkdir(parents=True, exist_ok=True)
        for part in options.only.split(","):
            PARTS[part](options, pathlib.Path(os.environ["GRISTMILL_DATA"]), work)
            sys.stdout.flush()


if __name__ == "__main__":
    main()
