#!/usr/bin/env python3
"""Near-deduplication against truth and against rensa 0.5 and datatrove 0.10, as `gristmill dedup` is run.

usage: dedup.py GRISTMILL [--only revisions,paraphrases,curve,planted,order,peers,speed,linear,memory]

GRISTMILL_DATA names the folder with data/dedup, data/corpus and baselines. The corpora with known
duplicates come from dedup_corpus.py. Needs `numpy pyarrow zstandard rensa datatrove[processing]` from PyPI.
Similarity is the Jaccard similarity of the sets of word 5-grams, in lower case, a word being a run of
letters and digits, or one character of Chinese or Japanese, and any number 0.
"""
import argparse, collections, itertools, json, os, pathlib, re, shutil, statistics, subprocess, sys, tempfile, time

import pyarrow.parquet
import zstandard
from dedup_corpus import make

# This folder holds an html.py, which is not the one that datatrove imports.
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:] = [path for path in sys.path if pathlib.Path(path).resolve() != HERE]
NGRAM_WORDS = 5
# Each character of Chinese and Japanese is a word.
WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W_\u3040-\u30ff\u3400-\u9fff]+")


def records(path):
    path = pathlib.Path(path)
    with zstandard.open(path, "rt", encoding="utf-8", newline="\n") if path.suffix == ".zst" else open(path, encoding="utf-8", newline="\n") as lines:
        yield from map(json.loads, lines)


def texts(path):
    return {str(row["id"]): row["text"] for row in records(path)}


class Truth:
    """The true similarity of documents of a corpus, each document's 5-grams made once."""

    def __init__(self, by_id):
        self.texts, self.sets = by_id, {}

    def shingles(self, name):
        if name not in self.sets:
            words = re.findall(WORD, re.sub(r"\d+(?:[.,]\d+)?", "0", self.texts[name].lower()))
            self.sets[name] = {hash(tuple(words[i : i + NGRAM_WORDS])) for i in range(len(words) - NGRAM_WORDS + 1)}
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
    """One run of the binary: clusters, kept identifiers, seconds, peak memory."""

    def __init__(self, binary, documents, *arguments, threads=1, prefix=(), read=True):
        with tempfile.TemporaryDirectory() as folder:
            output, clusters = pathlib.Path(folder, "kept.jsonl"), pathlib.Path(folder, "clusters.parquet")
            command = [*prefix, binary, "dedup", documents, "--output", output, "--clusters", clusters,
                       "--threads", threads, *arguments]
            start = time.monotonic()
            with open(pathlib.Path(folder, "said"), "w+b") as said:
                process = subprocess.Popen([str(part) for part in command], stdout=said, stderr=said)
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
                    self.n_kept = sum(block.count(b"\n") for block in iter(lambda: lines.read(1 << 20), b""))

    def read_clusters(self, path):
        self.groups, self.similarity, self.rows = Groups(), {}, pyarrow.parquet.read_table(path).to_pylist()
        first = {}
        for row in self.rows:
            name = str(row["id"])
            self.groups.join(first.setdefault(row["cluster"], name), name)
            self.similarity[name] = row["similarity"]


def merged_pairs(groups, truth, limit=200):
    """The similarity of all pairs in clusters (of the first members of a large cluster)."""
    for group in groups.members():
        for a, b in itertools.combinations(sorted(group)[:limit], 2):
            yield truth.jaccard(a, b), a, b


def revisions(options, data, work):
    documents = data / "data/dedup/revisions.docs.jsonl.zst"
    pairs = [(row["a"], row["b"], row["jaccard_w5"]) for row in records(data / "data/dedup/revisions.pairs.jsonl")]
    truth = Truth(texts(documents))
    differ = sorted(abs(truth.jaccard(a, b) - j) for a, b, j in pairs)
    print(f"## Revisions: {len(truth.texts)} documents, {len(pairs)} pairs; our similarity differs from the listed by "
          f"{differ[len(differ) // 2]:.4f} at the median, {differ[-1]:.3f} at most\n")
    print("| preset, threshold, verify | recall of pairs >= 0.8 | merged of listed pairs < 0.8 | merged of pairs <= 0.5 | "
          "merged pairs >= 0.8 / all in clusters | lowest merged |\n|---|---|---|---|---|---|")
    rows = {}
    for preset, extra in (("fineweb", ["--threshold", "0.8", "--verify", "jaccard"]), ("fineweb", ["--threshold", "0.8", "--verify", "signature"]),
                          ("fineweb", ["--threshold", "0.8", "--verify", "off"]), ("fast", ["--threshold", "0.8"]),
                          ("fast", ["--threshold", "0.8", "--verify", "off"]), ("fineweb", []), ("datatrove-0.10", [])):
        rows[f"{preset} {' '.join(extra)}"] = Run(options.binary, documents, "--preset", preset, *extra).groups
    for peer in filter(None, options.peers.split(",")):
        rows[peer] = PEERS[peer](documents)
    for name, groups in rows.items():
        merged = [groups.same(a, b) for a, b, _ in pairs]
        alike = [m for m, (_, _, j) in zip(merged, pairs) if j >= 0.8]
        unlike = [m for m, (_, _, j) in zip(merged, pairs) if j < 0.8]
        low = [m for m, (_, _, j) in zip(merged, pairs) if j <= 0.5]
        inside = [j for j, _, _ in merged_pairs(groups, truth)]
        share = sum(j >= 0.8 for j in inside) / max(len(inside), 1)
        print(f"| {name} | {sum(alike)}/{len(alike)} = {sum(alike) / len(alike):.1%} | {sum(unlike)}/{len(unlike)} | "
              f"{sum(low)}/{len(low)} | {sum(j >= 0.8 for j in inside)}/{len(inside)} = {share:.1%} | {min(inside, default=1):.2f} |")
        if "jaccard" in name:
            missed = sorted((j for m, (_, _, j) in zip(merged, pairs) if not m and j >= 0.8), reverse=True)
            print(f"<!-- missed pairs >= 0.8: {[round(j, 2) for j in missed[:20]]} -->")


def paraphrases(options, data, work):
    path = work / "paraphrases.jsonl"
    with open(path, "w") as out:
        for row in records(data / "data/dedup/paraphrases.jsonl"):
            for side in "ab":
                out.write(json.dumps({"id": f"{row['id']}.{side}", "text": row[side]}) + "\n")
    truth = Truth(texts(path))
    print(f"\n## Paraphrases: {len(truth.texts)} sentences\n")
    for preset, extra in (("fineweb", ["--threshold", "0.8", "--verify", "jaccard"]), ("fineweb", []), ("fast", []), ("datatrove-0.10", [])):
        run = Run(options.binary, path, "--preset", preset, *extra)
        inside = sorted((round(j, 3), a, b) for j, a, b in merged_pairs(run.groups, truth))
        print(f"{preset} {' '.join(extra)}: {len(truth.texts) - len(run.kept)} removed, {len(inside)} pairs in clusters, "
              f"{sum(j < 0.8 for j, _, _ in inside)} of them below 0.8")
        for j, a, b in inside[: options.show]:
            print(f"  {j} {a}: {truth.texts[a][:110]!r}\n        {b}: {truth.texts[b][:110]!r}")


def curve(options, data, work):
    make("curve", work / "curve")
    pairs = json.loads((work / "curve/truth.json").read_text())["pairs"]
    print("\n## S-curve on pairs by themselves, without verification\n")
    print("| similarity | pairs | fineweb, merged | 1 - (1 - s^8)^14 | fast, merged | fineweb, jaccard at 0.8 | fast, default at 0.8 |\n|---|---|---|---|---|---|---|")
    runs = [Run(options.binary, work / "curve/documents.jsonl", "--preset", preset, *extra) for preset, extra in (
        ("fineweb", ["--verify", "off"]), ("fast", ["--verify", "off"]),
        ("fineweb", ["--threshold", "0.8", "--verify", "jaccard"]), ("fast", ["--threshold", "0.8"]))]
    by_similarity = collections.defaultdict(list)
    measured = collections.defaultdict(list)
    for a, b, _ in pairs:
        by_similarity[a[1:].split("-")[0]].append((a, b, _))
    for percent, found in by_similarity.items():
        shares = [sum(run.groups.same(a, b) for a, b, _ in found) / len(found) for run in runs]
        theory = statistics.mean(1 - (1 - j**8) ** 14 for _, _, j in found)
        for name, share in zip(("fineweb", "fast", "fineweb, verified at 0.8"), shares):
            measured[name].append((int(percent) / 100, share))
        print(f"| 0.{percent} | {len(found)} | {shares[0]:.1%} | {theory:.1%} | {shares[1]:.1%} | {shares[2]:.1%} | {shares[3]:.1%} |".replace("0.100", "1.00"))
    if options.plot:
        plot(measured, pathlib.Path(options.plot))


def plot(measured, path):
    """Points that were measured, over the curves that theory has for 14 bands of 8 and 20 of 6."""
    x, y = lambda similarity: 60 + (similarity - 0.4) * 900, lambda share: 330 - share * 300
    lines = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 400" font-family="sans-serif" font-size="13">',
             '<rect width="640" height="400" fill="#fff"/>']
    for tick in range(0, 11, 2):
        lines.append(f'<path d="M60 {y(tick / 10):.0f}h540" stroke="#ddd"/><text x="52" y="{y(tick / 10) + 4:.0f}" text-anchor="end">{tick * 10} %</text>')
    for tick in range(40, 101, 10):
        lines.append(f'<text x="{x(tick / 100):.0f}" y="350" text-anchor="middle">{tick / 100:.1f}</text>')
    lines.append('<text x="330" y="375" text-anchor="middle">Jaccard similarity of word 5-grams; share of 1,000 pairs that are merged</text>')
    for bands, rows in ((14, 8), (20, 6)):
        points = " ".join(f"{x(s / 200):.1f},{y(1 - (1 - (s / 200) ** rows) ** bands):.1f}" for s in range(80, 201))
        lines.append(f'<polyline points="{points}" fill="none" stroke="#999"/>')
    for place, (name, points) in enumerate(measured.items()):
        colour = ("#1b6ca8", "#c2571a", "#2e7d32")[place]
        lines += [f'<circle cx="{x(s):.1f}" cy="{y(share):.1f}" r="4" fill="{colour}"/>' for s, share in points]
        lines.append(f'<circle cx="80" cy="{50 + 20 * place}" r="4" fill="{colour}"/><text x="92" y="{54 + 20 * place}">{name}</text>')
    lines.append('<path d="M72 110h16" stroke="#999"/><text x="92" y="114">theory, 14 × 8 and 20 × 6</text></svg>')
    path.write_text("\n".join(lines) + "\n")


def planted(options, data, work):
    make("planted", work / "planted")
    told = json.loads((work / "planted/truth.json").read_text())
    cluster_of = {name: number for number, group in enumerate(told["clusters"]) for name in group}
    template_of = {name: number for number, group in enumerate(told["templates"]) for name in group}
    n_documents = sum(1 for _ in open(work / "planted/documents.jsonl"))
    print(f"\n## Planted: {n_documents:,} documents, {len(told['clusters']):,} clusters of {len(cluster_of):,}, {len(template_of):,} with a template\n")
    print("| preset, verify | planted pairs in one cluster | clusters whole | removed beyond the planted | of these with a template | seconds | peak MiB |\n|---|---|---|---|---|---|---|")
    wanted = n_documents - len(cluster_of) + len(told["clusters"])
    for preset, extra in (("fineweb", ["--threshold", "0.8", "--verify", "jaccard"]), ("fineweb", ["--threshold", "0.8", "--verify", "signature"]),
                          ("fast", ["--threshold", "0.8"]), ("fineweb", ["--verify", "off"])):
        run = Run(options.binary, work / "planted/documents.jsonl", "--preset", preset, *extra, threads=options.threads)
        kept = set(run.kept)
        together = sum(run.groups.same(a, b) for a, b, _ in told["pairs"])
        whole = sum(all(run.groups.same(group[0], name) for name in group) for group in told["clusters"])
        # A removal is false when the document's cluster holds another document that was not planted beside it.
        false = [name for group in run.groups.members() for name in group
                 if name not in kept and all(cluster_of.get(name, -1) != cluster_of.get(other, -2) for other in group if other != name)]
        print(f"| {preset} {' '.join(extra)} | {together:,}/{len(told['pairs']):,} = {together / len(told['pairs']):.2%} | {whole:,} | {len(false):,} | "
              f"{sum(name in template_of for name in false):,} | {run.seconds:.1f} | {run.peak_mib:.0f} |  <!-- kept {len(kept):,}, best possible {wanted:,} -->")


def order(options, data, work):
    make("permutations", work / "order")
    print("\n## 50 orders of the same 5,000 documents\n")
    for preset, threads, extra in (("fineweb", 1, []), ("fast", 1, []), ("fast", 2, []), ("fineweb", 1, ["--keep", "length(text) ASC"])):
        kept = collections.Counter()
        for path in sorted((work / "order").glob("*.jsonl")):
            kept[tuple(sorted(Run(options.binary, path, "--preset", preset, "--threshold", "0.8", *extra, threads=threads).kept))] += 1
        print(f"{preset} at 0.8 {' '.join(extra)}, {threads} threads: {len(kept)} different sets of survivors, {min(map(len, kept)):,} to {max(map(len, kept)):,} documents", flush=True)
    shutil.rmtree(work / "order")


def sample(data, work, n_documents):
    path = work / f"docs-{n_documents}.jsonl"
    if not path.exists():
        with open(path, "w") as out:
            rows = itertools.islice(records(data / "data/corpus/docs.jsonl.zst"), n_documents)
            # Identifiers of that corpus are not unique.
            out.writelines(json.dumps({"id": f"{number}-{row['id']}", "text": row["text"]}) + "\n" for number, row in enumerate(rows))
    return path


def rensa_groups(path):
    """What rensa would join, with the settings of baselines/minhash_peers.py."""
    from rensa import RMinHash, RMinHashLSH

    index, groups, names = RMinHashLSH(threshold=0.75, num_perm=112, num_bands=14), Groups(), []
    for row in records(path):
        words = row["text"].lower().split()
        minhash = RMinHash(num_perm=112, seed=42)
        minhash.update([" ".join(words[i : i + NGRAM_WORDS]) for i in range(max(1, len(words) - NGRAM_WORDS + 1))])
        for other in index.query(minhash):
            groups.join(names[other], str(row["id"]))
        index.insert(len(names), minhash)
        names.append(str(row["id"]))
    return groups


def datatrove_groups(path):
    """The clusters of datatrove's three stages."""
    from datatrove.data import Document
    from datatrove.pipeline.dedup import MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupSignature
    from datatrove.pipeline.dedup.minhash import MinhashConfig
    from datatrove.utils.hashing import HashConfig
    from loguru import logger

    logger.disable("datatrove")
    config = MinhashConfig(hash_config=HashConfig(precision=64), n_grams=NGRAM_WORDS, num_buckets=14, hashes_per_bucket=8)
    documents = [Document(text=row["text"], id=str(row["id"])) for row in records(path)]
    with tempfile.TemporaryDirectory() as folder:
        for _ in MinhashDedupSignature(f"{folder}/signatures", config).run(iter(documents), 0, 1) or ():
            pass
        for rank in range(14):
            MinhashDedupBuckets(f"{folder}/signatures", f"{folder}/pairs", config=config).run(None, rank, 14)
        groups = Groups()
        for file in pathlib.Path(folder, "pairs").glob("*.dups"):
            numbers = memoryview(file.read_bytes()).cast("I")
            for place in range(0, len(numbers), 4):
                groups.join(documents[numbers[place + 1]].id, documents[numbers[place + 3]].id)
    return groups


PEERS = {"rensa": rensa_groups, "datatrove": datatrove_groups}


def peers(options, data, work):
    path = sample(data, work, options.documents)
    truth = Truth(texts(path))
    runs = {"fineweb, jaccard at 0.8": Run(options.binary, path, "--preset", "fineweb", "--threshold", "0.8", "--verify", "jaccard"),
            "fast at 0.8": Run(options.binary, path, "--preset", "fast", "--threshold", "0.8"),
            "datatrove-0.10": Run(options.binary, path, "--preset", "datatrove-0.10")}
    ours = {name: run.groups for name, run in runs.items()}
    theirs = {peer: PEERS[peer](path) for peer in options.peers.split(",")}
    print(f"\n## What the peers join: {len(truth.texts):,} documents of corpus/docs\n\nPairs in one cluster of either (the first 40 members of a cluster), by true similarity: both / only we / only they\n")
    bounds = (0.0, 0.5, 0.7, 0.8, 0.9, 1.0)
    print("| ours and theirs | " + " | ".join(f">= {bound}" for bound in bounds) + " |\n|---|" + "---|" * len(bounds))
    for (our_name, our), (their_name, their) in itertools.product(ours.items(), theirs.items()):
        table = {bound: [0, 0, 0] for bound in bounds}
        pairs = {tuple(sorted(pair)) for groups in (our, their) for group in groups.members() for pair in itertools.combinations(sorted(group)[:40], 2)}
        for a, b in pairs:
            place = 0 if our.same(a, b) and their.same(a, b) else 1 if our.same(a, b) else 2
            table[max(bound for bound in bounds if truth.jaccard(a, b) >= bound)][place] += 1
        print(f"| {our_name} and {their_name} | " + " | ".join("/".join(map(str, counts)) for counts in table.values()) + " |")
    # Removal as such: a document is rightly removed when one that stays is alike; and of two that are alike
    # one has to go. The peers keep any one document of a cluster.
    joined = {tuple(sorted(pair)) for groups in (*ours.values(), *theirs.values()) for group in groups.members() for pair in itertools.combinations(sorted(group)[:40], 2)}
    alike = [pair for pair in joined if truth.jaccard(*pair) >= 0.8]
    print(f"\n| remover | removed | of them without an alike (>= 0.8) document that stays | of the {len(alike):,} alike pairs that any of them joined, both stay |\n|---|---|---|---|")
    for name, groups in {**ours, **theirs}.items():
        members, alone, gone = groups.members(), 0, set()
        for group in members:
            stays = [member for member in group if member in runs[name].kept_set] if name in runs else [min(group)]
            removed = [member for member in group if member not in stays]
            gone.update(removed)
            alone += sum(all(truth.jaccard(member, other) < 0.8 for other in stays) for member in removed)
        print(f"| {name} | {len(gone):,} | {alone:,} | {sum(a not in gone and b not in gone for a, b in alike):,} |")


def speed(options, data, work):
    path = sample(data, work, options.documents)
    megabytes = sum(len(text.encode()) for text in texts(path).values()) / 1e6
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
            said = subprocess.run([*pin, sys.executable, data / "baselines/minhash_peers.py", peer, given], capture_output=True, text=True, check=True).stdout
            after = os.times()
            cpu = after.children_user + after.children_system - before.children_user - before.children_system
            seconds[peer].append((cpu, float(re.search(r"seconds=([\d.]+)", said)[1])))
            peaks[peer] = float(re.search(r"peak_rss_mib=(\d+)", said)[1])
    print(f"\n## Speed on one core, {options.documents:,} documents, {megabytes:.1f} MB of text, {options.repeat} interleaved runs\n")
    print("| | processor seconds, median (least to most) | MB/s of processor time | seconds by the clock | peak MiB |\n|---|---|---|---|---|")
    for name, spent in seconds.items():
        size = megabytes
        if name == "datatrove":
            size = sum(len(text.encode()) for text in texts(sample(data, work, 4000)).values()) / 1e6
        cpu, wall = zip(*spent)
        print(f"| {name} | {statistics.median(cpu):.2f} ({min(cpu):.2f} to {max(cpu):.2f}) | {size / statistics.median(cpu):.1f} | {statistics.median(wall):.2f} | {peaks[name]:.0f} |")
    print("\nrensa includes reading its input; datatrove is its signature stage alone, on 4,000 documents.")


def linear(options, data, work):
    print(f"\n## Short documents, {options.threads} threads\n\n| documents | MB | seconds | documents/s | MB/s | peak MiB | kept | recall of planted pairs |\n|---|---|---|---|---|---|---|---|")
    for n_documents in map(int, options.sizes.split(",")):
        measure_short(options, work, n_documents)


def memory(options, data, work):
    print("\n## Memory limit of 512 MiB, short documents\n\n| documents | MB | seconds | documents/s | MB/s | peak MiB | kept | planted pairs |\n|---|---|---|---|---|---|---|---|")
    measure_short(options, work, options.memory_documents, "--memory", "512MiB")


def measure_short(options, work, n_documents, *extra):
    folder = work / f"short-{n_documents}"
    if not (folder / "truth.tsv").exists():
        make("short", folder, documents=n_documents)
    n_pairs = sum(1 for _ in open(folder / "truth.tsv"))
    megabytes = (folder / "documents.jsonl").stat().st_size / 1e6
    run = Run(options.binary, folder / "documents.jsonl", "--preset", "fineweb", *extra, threads=options.threads, read=False)
    print(f"| {n_documents:,} | {megabytes:,.0f} | {run.seconds:.1f} | {n_documents / run.seconds:,.0f} | {megabytes / run.seconds:.1f} | "
          f"{run.peak_mib:,.0f} | {run.n_kept:,} | {n_documents - run.n_kept:,} removed of {n_pairs:,} |", flush=True)
    if not options.keep:
        shutil.rmtree(folder)


PARTS = {"revisions": revisions, "paraphrases": paraphrases, "curve": curve, "planted": planted, "order": order,
         "peers": peers, "speed": speed, "linear": linear, "memory": memory}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary")
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--work", help="a folder for corpora; a temporary one without it")
    parser.add_argument("--keep", action="store_true", help="leave the corpora of short documents there")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--documents", type=int, default=20_000, help="documents of corpus/docs for peers and speed")
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
