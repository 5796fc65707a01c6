#!/usr/bin/env python3
"""Compares the URL filter with datatrove's: verdicts, load time, memory and speed, on one core.

usage: url.py URL_CHECK [--urls 60000] [--repeat 3] [--differences 20]

URL_CHECK is the built example `url_check` of the text crate. GRISTMILL_DATA is the folder with
data/url/blocklists.tar.gz and data/corpus. The word lists are those of the installed package
`datatrove` (0.10, with its extra `processing`). Both filters get real URLs of the corpora and URLs
made from the lists, in variants. Prints the agreement, the differences and a Markdown table. Times
are processor times.
"""
import argparse, collections, json, os, pathlib, random, resource, statistics, subprocess, sys
import tarfile, tempfile, time, warnings

parser = argparse.ArgumentParser()
parser.add_argument("url_check")
parser.add_argument("--urls", type=int, default=60_000)
parser.add_argument("--repeat", type=int, default=3)
parser.add_argument("--differences", type=int, default=20)
options = parser.parse_args()
if not os.environ.get("GRISTMILL_DATA"):
    sys.exit("skipped: GRISTMILL_DATA is not set")
data = pathlib.Path(os.environ["GRISTMILL_DATA"]) / "data"
warnings.simplefilter("ignore")
os.environ["TLDEXTRACT_PUBLIC_SUFFIX_LIST_URLS"] = ""  # Use the snapshot in the package.

import datatrove.pipeline.filters.url_filter as url_filter
from datatrove.data import Document
from datatrove.utils._import_utils import ASSETS_PATH

WORD_LISTS = ["banned_words.txt", "soft_banned_words.txt", "banned_subwords.txt"]


def corpus_urls():
    found = set()
    for name in ["docs", "ruby-lang", "cc-samples"]:
        command = ["zstdcat", data / f"corpus/{name}.jsonl.zst"]
        lines = subprocess.run(command, capture_output=True, check=True)
        for line in lines.stdout.splitlines():
            found.add(json.loads(line).get("url") or "")
    for line in (data / "warc/realweb-gold.jsonl").open():
        found.add(json.loads(line).get("url") or "")
    return sorted(found - {""})


def host_variants(random, host):
    """Yields a URL on a host for each kind of variant, with the name of the kind."""
    path = random.choice(["", "/", "/index.html", "/a/b?q=1#top", "/2012/10/Some-Title"])
    yield "plain", f"http://{host}{path}"
    yield "https www", f"https://www.{host}{path}"
    yield "subdomain", f"http://{random.choice(['m', 'fr', 'a.b', 'blog'])}.{host}{path}"
    yield "port", f"http://{host}:{random.choice([80, 443, 8080])}{path}"
    yield "user", f"http://me:pw@{host}{path}"
    yield "trailing dot", f"http://{host}.{path}"
    yield "no scheme", f"{host}{path}"
    yield "near miss", f"http://{host[:-1]}x{path}"
    yield "prefixed", f"http://not{host}{path}"
    yield "upper case", f"HTTP://{host.upper()}{path}"


def synthesised(random, lists, count):
    groups = []
    domains = random.sample([line.strip() for line in open(lists / "domains")], count // 10)
    for domain in domains:
        groups.extend(host_variants(random, domain))
    urls = random.sample([line.strip() for line in open(lists / "urls")], count // 30)
    for url in urls:
        groups += [("listed URL, no scheme", url), ("listed URL", f"http://{url}"),
                   ("listed URL, slash", f"{url}/")]
    words = [line.strip() for name in WORD_LISTS for line in open(lists / name) if line[0] != "#"]
    for _ in range(count // 5):
        one, other = random.sample(words, 2)
        join = random.choice(["-", "/", "_", "%20", "+", ""])
        both = f"{one}{join}{other}"
        for group, text in [("words", both), ("words, capitals", both.title())]:
            groups.append((group, f"https://www.example.com/{text.replace(' ', join)}.html"))
    return groups


def ours(dialect, urls, repeats, lists):
    files = [lists / name for name in ["domains", "urls", *WORD_LISTS]]
    command = ["taskset", "-c", "0", options.url_check, dialect, urls, str(repeats), *files]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return lines[:-1], json.loads(lines[-1])


def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()


def main():
    chance = random.Random(0)
    with tempfile.TemporaryDirectory() as folder:
        lists = pathlib.Path(folder)
        with tarfile.open(data / "url/blocklists.tar.gz") as tar:
            tar.extractall(lists, filter="data")
        for name in WORD_LISTS:
            (lists / name).write_bytes((pathlib.Path(ASSETS_PATH) / name).read_bytes())
        real = corpus_urls()
        groups = [("corpora", url) for url in real] + synthesised(chance, lists, options.urls)
        every = lists / "every.txt"
        every.write_text("".join(f"{url}\n" for _, url in groups))
        compare(groups, every, lists)


def compare(groups, every, lists):
    os.sched_setaffinity(0, {0})
    before, start = resident(), time.process_time()
    peer = url_filter.URLFilter(use_integrated_lists=False)
    peer.block_listed_domains = url_filter.get_list(lists, "domains", set(), do_normalize=False)
    peer.block_listed_url = url_filter.get_list(lists, "urls", set(), do_normalize=False)
    peer.banned_words = url_filter.get_list(lists, WORD_LISTS[0], set())
    peer.soft_banned_words = url_filter.get_list(lists, WORD_LISTS[1], set())
    peer.banned_subwords = url_filter.get_list(lists, WORD_LISTS[2], set())
    for word in peer.banned_subwords:
        peer.banned_subwords_automaton.add_word(word, 0)
    peer.banned_subwords_automaton.make_automaton()
    peer_load, peer_memory = time.process_time() - start, resident() - before

    documents = [Document(text="", id="", metadata={"url": url}) for _, url in groups]
    peer.filter(documents[0])
    # The filter returns True, or False and a reason.
    verdicts = [peer.filter(document) for document in documents]
    expected = ["-" if verdict is True else verdict[1] for verdict in verdicts]
    for dialect in ["datatrove", "canonical"]:
        report(dialect, groups, expected, ours(dialect, every, 1, lists)[0])

    # As in a crawl, one URL in twenty is blocked; the others are real URLs that pass.
    chance = random.Random(1)
    hits = [url for (_, url), verdict in zip(groups, expected) if verdict != "-"]
    misses = [url for (group, url), verdict in zip(groups, expected)
              if verdict == "-" and group == "corpora"]
    mix = chance.sample(hits, 2_000) + chance.choices(misses, k=38_000)
    chance.shuffle(mix)
    timed = lists / "mix.txt"
    timed.write_text("".join(f"{url}\n" for url in mix))
    documents = [Document(text="", id="", metadata={"url": url}) for url in mix]
    peer_rates, rates = [], collections.defaultdict(list)
    for _ in range(options.repeat):
        start = time.process_time()
        for document in documents:
            peer.filter(document)
        peer_rates.append(len(documents) / (time.process_time() - start))
        for dialect in ["datatrove", "canonical"]:
            rates[dialect].append(ours(dialect, timed, 20, lists)[1])
    print("| | load s | list MB | RSS MB | peak RSS MB | checks/s |\n|---|---|---|---|---|---|")
    print(f"| datatrove 0.10 | {peer_load:.1f} | | {peer_memory / 1e6:.0f} | "
          f"| {statistics.median(peer_rates):,.0f} |")
    for dialect, runs in rates.items():
        median = lambda key: statistics.median(run[key] for run in runs)
        print(f"| {dialect} | {median('load_seconds'):.2f} | {median('list_bytes') / 1e6:.1f} "
              f"| {median('resident_growth_bytes') / 1e6:.1f} "
              f"| {median('resident_peak_growth_bytes') / 1e6:.1f} "
              f"| {median('checks_per_second'):,.0f} |")


def report(dialect, groups, expected, found):
    tallies, differences = collections.defaultdict(lambda: [0, 0]), collections.defaultdict(list)
    for (group, url), ours, theirs in zip(groups, found, expected, strict=True):
        for name in (group, "all"):
            tallies[name][0] += ours == theirs
            tallies[name][1] += 1
        if ours != theirs:
            differences[group, theirs, ours].append(url)
    print(f"\n{dialect}: equal verdict and reason")
    for name, (equal, total) in tallies.items():
        print(f"  {name}: {equal}/{total} = {100 * equal / total:.3f} %")
    print("  reasons of datatrove:", dict(collections.Counter(expected)))
    largest = sorted(differences.items(), key=lambda item: -len(item[1]))
    for (group, theirs, ours), urls in largest[: options.differences]:
        print(f"  {group}: datatrove {theirs}, ours {ours}: {len(urls)}, e.g. {urls[:3]}")


main()
