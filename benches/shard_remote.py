#!/usr/bin/env python3
"""Copies a dataset to a real S3 server and back through a proxy that breaks requests.

usage: shard_remote.py TARGET_RELEASE [--work DIR] [--rounds N] [--seed S]

TARGET_RELEASE holds examples/formats (`cargo build --release -p gristmill-shards --examples`).
Needs moto[server] and boto3. The proxy answers a part of all requests with 500 or 503, resets
connections before the request, before the answer and inside its body, and sends bodies that are too
short, though said to be whole, or have a flipped bit. A watcher asks all the while for shards.json:
whenever it is there, every object of the dataset must be there with the right bytes.
"""
import sys

sys.path.pop(0)  # else html.py and others beside this file are taken for Python's own

import argparse, collections, hashlib, http.client, http.server, logging, os, pathlib, random
import shutil, socket, struct, subprocess, threading, time

import boto3
from moto.server import ThreadedMotoServer

parser = argparse.ArgumentParser()
parser.add_argument("release", type=pathlib.Path)
parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("runs/shard-remote"))
parser.add_argument("--rounds", type=int, default=6)
parser.add_argument("--seed", type=int, default=1)
options = parser.parse_args()
work = options.work.resolve()
chance = random.Random(options.seed)
counted = collections.Counter()
BUCKET = "shards"


class Proxy(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    upstream = None
    part = 0.0  # of the requests are broken

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
            if name.lower() not in ("connection", "transfer-encoding", "date", "server", "content-length"):
                self.send_header(name, value)
        length = dict((k.lower(), v) for k, v in headers).get("content-length", "0")
        self.send_header("Content-Length", length if self.command == "HEAD" else str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body if cut is None else body[:cut])
            self.wfile.flush()

    def forward(self):
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
        if content and self.command == "GET" and status in (200, 206) and "list-type" not in self.path:
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
    files = (p for p in root.rglob("*") if p.is_file())
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def formats(*arguments):
    command = [str(options.release / "examples/formats"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment)


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
    """Reads shards.json past the proxy; when it is there, so must everything be."""
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


local = work / "local"
# Five shards of about 12 MiB, so that uploads have several parts; documents of 300 tokens.
made = formats("make", local, 50_257, 100_000, 300, 6_000_000, 5)
assert made.returncode == 0, made.stderr
expected = tree(local)
total = sum(p.stat().st_size for p in local.iterdir())
print(f"{len(expected)} files, {total:,} bytes", flush=True)
failures = refused = 0
for number in range(options.rounds):
    Proxy.part = [0.0, 0.15, 0.3][number % 3]
    prefix, seen, stop = f"round-{number}", collections.Counter(), threading.Event()
    watcher = threading.Thread(target=watch, args=(prefix, expected, seen, stop))
    watcher.start()
    start = time.monotonic()
    attempts = {"upload": 0, "fetch": 0}
    for verb, source, target in [
        ("upload", local, f"s3://{BUCKET}/{prefix}"),
        ("fetch", f"s3://{BUCKET}/{prefix}", work / f"cache-{number}"),
    ]:
        while attempts[verb] < 5:
            attempts[verb] += 1
            done = formats(verb, source, target)
            if done.returncode == 0:
                break
            refused += 1
            print(f"  {verb} refused: {done.stderr.strip()[:200]}", flush=True)
        else:
            failures += 1
    stop.set()
    watcher.join()
    folder = work / f"cache-{number}" / made.stdout.strip()
    same = {k: v for k, v in tree(folder).items() if k != ".lock"} == expected
    failures += not same or seen["partial"] > 0 or seen["whole"] == 0
    print(f"round {number}: {Proxy.part:.0%} of the requests broken; calls {attempts}; "
          f"bytes {'equal' if same else 'DIFFER'}; seen {dict(seen)}; "
          f"{time.monotonic() - start:.1f} s", flush=True)

# A copy that is killed anywhere is invisible, and the next one makes it whole.
Proxy.part = 0.0
for number in range(options.rounds):
    prefix = f"killed-{number}"
    process = subprocess.Popen([str(options.release / "examples/formats"), "upload", str(local),
                                f"s3://{BUCKET}/{prefix}"], env=environment, stdout=subprocess.DEVNULL)
    time.sleep(chance.uniform(0.05, 1.0))
    process.kill()
    process.wait()
    keys = [o["Key"] for o in s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix + "/").get("Contents", [])]
    visible = f"{prefix}/shards.json" in keys
    early = formats("fetch", f"s3://{BUCKET}/{prefix}", work / f"killed-{number}")
    failures += (early.returncode == 0) != visible
    again = formats("upload", local, f"s3://{BUCKET}/{prefix}")
    late = formats("fetch", f"s3://{BUCKET}/{prefix}", work / f"killed-{number}")
    folder = work / f"killed-{number}" / made.stdout.strip()
    same = late.returncode == 0 and {k: v for k, v in tree(folder).items() if k != ".lock"} == expected
    failures += not same
    print(f"killed with {len(keys)} objects, {'visible' if visible else 'invisible'}; "
          f"again: {'equal' if same else 'DIFFER ' + again.stderr + late.stderr}", flush=True)
# Processes that share a cache: one fetches each shard, the others wait for it.
before = counted["sound"]
command = [str(options.release / "examples/formats"), "fetch", f"s3://{BUCKET}/round-0", str(work / "shared")]
processes = [subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) for _ in range(4)]
codes = [process.wait() for process in processes]
same = {k: v for k, v in tree(work / "shared" / made.stdout.strip()).items() if k != ".lock"} == expected
failures += not same or any(codes)
print(f"four processes, one cache: {'equal' if same else 'DIFFER'}, {counted['sound'] - before} requests")
print(f"requests: {dict(counted)}; {refused} calls gave up; {failures} failures")
moto.stop()
sys.exit(failures > 0)
