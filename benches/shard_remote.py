#!/usr/bin/env python3
"""Copies datasets to a local S3 server and back through a proxy that breaks requests.

usage: shard_remote.py GRISTMILL SHARDS… [--work DIR] [--rounds N] [--seed S]

SHARDS are folders of shards. Give one with many shards and one with a large shard. Needs
moto[server] and boto3. The proxy answers some requests with 500 or 503. It resets connections
before the request, before the answer and within its body. It sends bodies that are too short, with
a matching Content-Length, or that have a flipped bit. Meanwhile a watcher polls shards.json: once
it exists, every object of the dataset must exist with the right bytes. At the end, commands that
read a dataset must print the same from s3:// as from the folder.
"""
import sys

sys.path.pop(0)  # Otherwise html.py beside this file would hide Python's own module.

import argparse, collections, hashlib, http.client, http.server, json, logging, os, pathlib, random
import shutil, socket, struct, subprocess, threading, time

import boto3
from moto.server import ThreadedMotoServer

parser = argparse.ArgumentParser()
parser.add_argument("gristmill", type=pathlib.Path)
parser.add_argument("shards", type=pathlib.Path, nargs="+")
parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("runs/shard-remote"))
parser.add_argument("--rounds", type=int, default=6)
parser.add_argument("--seed", type=int, default=1)
options = parser.parse_args()
work = options.work.resolve()
chance = random.Random(options.seed)
counted, lock = collections.Counter(), threading.Lock()
BUCKET = "shards"


# Headers that the proxy sends itself.
OWN_HEADERS = ("connection", "transfer-encoding", "date", "server", "content-length")


class Proxy(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    upstream = None
    part = 0.0  # share of requests that are broken
    delay = 0.0  # minimum seconds per request
    open_now = open_most = 0

    def log_message(self, *_):
        pass

    def reset(self):
        # Closing with linger 0 sends RST.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def answer(self, status, headers, body, cut=None):
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in OWN_HEADERS:
                self.send_header(name, value)
        length = dict((k.lower(), v) for k, v in headers).get("content-length", "0")
        self.send_header("Content-Length", length if self.command == "HEAD" else str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body if cut is None else body[:cut])
            self.wfile.flush()

    def forward(self):
        with lock:
            Proxy.open_now += 1
            Proxy.open_most = max(Proxy.open_most, Proxy.open_now)
        time.sleep(self.delay)
        try:
            self.forward_now()
        finally:
            with lock:
                Proxy.open_now -= 1

    def forward_now(self):
        fault = None
        if chance.random() < self.part:
            fault = chance.choice(
                ["500", "503", "reset before", "reset after", "reset in body", "short", "flipped"])
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if self.headers.get("Transfer-Encoding") == "chunked":
            raise RuntimeError("chunked requests are not expected")
        if fault in ("500", "503"):
            counted[fault] += 1
            return self.answer(int(fault), [], b"<Error><Code>InternalError</Code></Error>")
        if fault == "reset before":
            counted[fault] += 1
            return self.reset()
        upstream = http.client.HTTPConnection(*self.upstream)
        upstream.request(self.command, self.path, body, dict(self.headers))
        response = upstream.getresponse()
        content, headers, status = response.read(), response.getheaders(), response.status
        upstream.close()
        if fault == "reset after":
            counted[fault] += 1
            return self.reset()
        is_object = self.command == "GET" and "list-type" not in self.path
        if content and is_object and status in (200, 206):
            if fault == "reset in body":
                counted[fault] += 1
                self.answer(status, headers, content, cut=len(content) // 2)
                return self.reset()
            if fault == "short":
                counted[fault] += 1
                return self.answer(status, headers, content[: len(content) // 2])
            if fault == "flipped":
                counted[fault] += 1
                damaged = bytearray(content)
                damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
                return self.answer(status, headers, bytes(damaged))
        counted["sound"] += 1
        self.answer(status, headers, content)

    def handle(self):
        try:
            super().handle()
        except (ConnectionError, ValueError, OSError):
            pass

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = forward


def tree(root):
    files = (p for p in root.rglob("*") if p.is_file() and p.name != ".lock")
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


class Local:
    """A dataset in a local folder."""

    def __init__(self, folder):
        self.folder, self.files = folder.resolve(), tree(folder)
        # Plans in the folder are not part of the dataset.
        self.files = {name: d for name, d in self.files.items() if not name.endswith(".plan")}
        self.root = json.loads((folder / "shards.json").read_text())["root"]
        self.bytes = sum((folder / name).stat().st_size for name in self.files)


def command(*arguments, cache=None):
    """Returns the command and its environment, in which it reaches the server through the proxy."""
    place = {"GRISTMILL_CACHE": str(cache)} if cache else {}
    return [str(options.gristmill.resolve()), *map(str, arguments)], {**environment, **place}


def gristmill(*arguments, cache=None):
    arguments, variables = command(*arguments, cache=cache)
    return subprocess.run(arguments, capture_output=True, text=True, env=variables)


def upload(local, address):
    return gristmill("shards", "upload", local.folder, "--to", address)


def fetch(address, cache):
    """Fetches the dataset: any command that reads it downloads all of it first."""
    return gristmill("shards", "stat", address, cache=cache)


logging.getLogger("werkzeug").setLevel(logging.ERROR)
shutil.rmtree(work, ignore_errors=True)
work.mkdir(parents=True)
moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
moto.start()
Proxy.upstream = moto.get_host_and_port()
proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
threading.Thread(target=proxy.serve_forever, daemon=True).start()
host, port = Proxy.upstream
s3 = boto3.client("s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1",
                  aws_access_key_id="a", aws_secret_access_key="b")
s3.create_bucket(Bucket=BUCKET)
environment = {
    **os.environ,
    "AWS_ENDPOINT": f"http://127.0.0.1:{proxy.server_address[1]}", "AWS_ALLOW_HTTP": "true",
    "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "us-east-1",
}


def watch(prefix, expected, seen, stop):
    """Polls shards.json, not through the proxy; once it exists, all objects must exist."""
    while not stop.is_set():
        try:
            s3.get_object(Bucket=BUCKET, Key=f"{prefix}/shards.json")
        except s3.exceptions.NoSuchKey:
            seen["absent"] += 1
            time.sleep(0.002)
            continue
        for name, digest in expected.items():
            body = s3.get_object(Bucket=BUCKET, Key=f"{prefix}/{name}")["Body"].read()
            if hashlib.sha256(body).hexdigest() != digest:
                seen["partial"] += 1
        seen["whole"] += 1
        return


locals_ = [Local(folder) for folder in options.shards]
failures = refused = 0
for number in range(options.rounds):
    local = locals_[number % len(locals_)]
    Proxy.part = [0.0, 0.15, 0.3][number % 3]
    prefix, seen, stop = f"round-{number}", collections.Counter(), threading.Event()
    watcher = threading.Thread(target=watch, args=(prefix, local.files, seen, stop))
    watcher.start()
    start = time.monotonic()
    address, cache = f"s3://{BUCKET}/{prefix}", work / f"cache-{number}"
    attempts = {"upload": 0, "fetch": 0}
    for verb, work_ in [("upload", lambda: upload(local, address)),
                        ("fetch", lambda: fetch(address, cache))]:
        while attempts[verb] < 5:
            attempts[verb] += 1
            done = work_()
            if done.returncode == 0:
                break
            refused += 1
            print(f"  {verb} refused: {' '.join(done.stderr.split())[:300]}", flush=True)
        else:
            failures += 1
    stop.set()
    watcher.join()
    same = tree(cache / local.root) == local.files
    failures += not same or seen["partial"] > 0 or seen["whole"] == 0
    print(f"round {number}: {len(local.files)} files, {local.bytes:,} bytes; {Proxy.part:.0%} of "
          f"the requests broken; calls {attempts}; bytes {'equal' if same else 'DIFFER'}; "
          f"seen {dict(seen)}; {time.monotonic() - start:.1f} s", flush=True)

# An upload killed at any point is invisible, and the next upload completes it.
Proxy.part = 0.0
for number in range(options.rounds):
    local = locals_[number % len(locals_)]
    address, cache = f"s3://{BUCKET}/killed-{number}", work / f"killed-{number}"
    arguments, variables = command("shards", "upload", local.folder, "--to", address)
    process = subprocess.Popen(arguments, env=variables, stderr=subprocess.DEVNULL)
    time.sleep(chance.uniform(0.05, 0.6))
    process.kill()
    process.wait()
    listed = s3.list_objects_v2(Bucket=BUCKET, Prefix=f"killed-{number}/").get("Contents", [])
    visible = f"killed-{number}/shards.json" in [o["Key"] for o in listed]
    early = fetch(address, cache)
    failures += (early.returncode == 0) != visible
    # The download is killed as well: an incomplete copy must not look like a dataset.
    again = upload(local, address)
    arguments, variables = command("shards", "stat", address, cache=cache)
    quiet = dict(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    process = subprocess.Popen(arguments, env=variables, **quiet)
    time.sleep(chance.uniform(0.05, 0.6))
    process.kill()
    process.wait()
    here = tree(cache / local.root) if (cache / local.root).is_dir() else {}
    half = {name: d for name, d in here.items() if not name.startswith(".")}
    failures += any(local.files[name] != d for name, d in half.items())
    failures += "shards.json" in half and half != local.files
    late = fetch(address, cache)
    same = late.returncode == 0 and tree(cache / local.root) == local.files
    failures += not same
    outcome = "equal" if same else "DIFFER " + again.stderr + late.stderr
    print(f"upload killed with {len(listed)} objects, {'visible' if visible else 'invisible'}, "
          f"download killed with {len(half)} files; second attempt: {outcome}", flush=True)

# Of processes that share a cache, one downloads and the others wait for it.
before = counted["sound"]
arguments, variables = command("shards", "stat", f"s3://{BUCKET}/round-0", cache=work / "shared")
processes = [subprocess.Popen(arguments, env=variables, stdout=subprocess.DEVNULL)
             for _ in range(4)]
codes = [process.wait() for process in processes]
local = locals_[0]
same = tree(work / "shared" / local.root) == local.files
failures += not same or any(codes)
print(f"four processes, one cache: {'equal' if same else 'DIFFER'}, "
      f"{counted['sound'] - before} requests")

# A distant store: requests run concurrently, so their delays do not add up.
Proxy.delay, Proxy.open_most, before = 0.1, 0, counted["sound"]
start = time.monotonic()
far = fetch(f"s3://{BUCKET}/round-0", work / "far")
seconds, requests = time.monotonic() - start, counted["sound"] - before
failures += far.returncode != 0
print(f"100 ms per request: {requests} requests, up to {Proxy.open_most} at once, {seconds:.1f} s")
Proxy.delay = 0.0

# Commands that read a dataset print the same from the server as from the folder.
address, cache = f"s3://{BUCKET}/round-0", work / "commands"
for arguments in [
    ["shards", "stat"], ["shards", "verify"], ["shards", "cat", "--doc", 3],
    ["shards", "order", "--step", 5, "--sequence-length", 512],
    ["shards", "explain-step", "--sequence-length", 512],
    ["shards", "export", "--as", "megatron", "--output"],
]:
    ends = [5] if "explain-step" in arguments else []
    found = []
    for kind, source in [("local", local.folder), ("remote", address)]:
        output = work / f"export-{kind}"
        target = [output] if arguments[-1] == "--output" else []
        done = gristmill("--quiet", *arguments, *target, source, *ends, cache=cache)
        text = done.stdout if done.returncode == 0 else done.stderr
        # `stat` prints the folder of the copy, which differs.
        text = "".join(line for line in text.splitlines(True) if not line.startswith("folder"))
        found.append(tree(output) if target else text)
    same = found[0] == found[1] and done.returncode == 0
    failures += not same
    outcome = "the same" if same else f"DIFFERS {found}"
    print(f"{' '.join(map(str, arguments[:2]))} of s3://: {outcome}")
print(f"requests: {dict(counted)}; {refused} calls gave up; {failures} failures")
moto.stop()
sys.exit(failures > 0)
