"""What the collector takes: spans a second, memory, disk, start-up; beside Phoenix where that is asked for.

    python benchmarks/collector.py [--seconds 10] [--phoenix /path/to/venv/bin/phoenix]

Senders are processes of their own, on the same cores; their requests are encoded before the clock starts.
`benchmarks/collector-peers.txt` has what to install for `--phoenix`. Phoenix acknowledges before it stores.
"""

from __future__ import annotations

import argparse
import http.client
import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.support.otlp import make_call, make_request

HEADERS = {"Content-Type": "application/x-protobuf"}
#: Name → processes, clients in each, spans of one request.
LOADS = {"512s, one sender": (1, 1, 512), "512s, four": (1, 4, 512), "20s, 64 clients": (1, 64, 20)}


def call(number: int) -> Any:
    """A call as the plugin sends it."""
    return make_call(
        number,
        {
            "session.id": f"session-{number // 10}",
            "server.address": "api.openai.com",
            "server.port": 443,
            "gen_ai.response.id": f"chatcmpl-{number:029x}",
            "gen_ai.response.finish_reasons": ["stop"],
            "openai.api.type": "chat_completions",
            "gen_ai.usage.cost": 0.0075,
            "gen_ai.usage.cache_read.input_tokens": 200,
            "gen_ai.usage.reasoning.output_tokens": 0,
            "infraprism.cost.quantities": "input=800 output=500",
            "infraprism.cost.effective_from": "2024-08-06T00:00:00Z",
            "infraprism.session.cost": "0.0075",
            "infraprism.session.turns": 3,
            "infraprism.tag.feature": "chatbot",
            "openinference.span.kind": "LLM",
        },
        start=1_735_689_600_000_000_000 + number * 1_000_000,
    )


def send(
    port: int, clients: int, batch: int, seconds: float, first: int, ready: Any, go: Any, done: Any
) -> None:
    """One process of senders; puts how many spans were acknowledged, and in what time."""
    each = max(2, int(seconds * 30_000 / clients / batch))
    bodies = [
        [
            make_request(
                *[call(first + (c * each + n) * batch + i) for i in range(batch)]
            ).SerializeToString()
            for n in range(each)
        ]
        for c in range(clients)
    ]
    counts = [0] * clients
    ready.put(True)
    go.wait()
    start = time.perf_counter()

    def client(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for body in bodies[number]:
            if time.perf_counter() - start > seconds:
                break
            connection.request("POST", "/v1/traces", body, HEADERS)
            response = connection.getresponse()
            response.read()
            if response.status == 200:
                counts[number] += batch
            else:
                time.sleep(0.1)
        connection.close()

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done.put((sum(counts), time.perf_counter() - start))


def load(
    port: int, processes: int, clients: int, batch: int, seconds: float, first: int
) -> tuple[int, float]:
    """Spans acknowledged, and the seconds that took."""
    context = multiprocessing.get_context("spawn")
    ready, go, done = context.Queue(), context.Event(), context.Queue()
    senders = [
        context.Process(
            target=send,
            args=(port, clients, batch, seconds, first + number * 10_000_000, ready, go, done),
        )
        for number in range(processes)
    ]
    for sender in senders:
        sender.start()
    for _ in senders:
        ready.get()
    go.set()
    results = [done.get() for _ in senders]
    for sender in senders:
        sender.join()
    return sum(count for count, _ in results), max(took for _, took in results)


def resident(pid: int) -> float:
    """MB of memory that a process has."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) / 1024


def cpu(pid: int) -> float:
    """Seconds of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(
    name: str, command: list[str], port: int, health: str, environ: dict[str, str], seconds: float
) -> None:
    """Start one server, put the loads on it, and say how it went."""
    folder = Path(tempfile.mkdtemp())
    start = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=folder, env={**os.environ, **environ, "PHOENIX_WORKING_DIR": str(folder)},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}{health}", timeout=1).close()
                break
            except OSError:
                assert process.poll() is None, f"{name} ended"
                time.sleep(0.01)
        print(f"{name}: ready in {time.perf_counter() - start:.2f} s", flush=True)
        time.sleep(1)
        print(f"  idle memory {resident(process.pid):.0f} MB", flush=True)
        total, first = 0, 1
        for title, (processes, clients, batch) in LOADS.items():
            used = cpu(process.pid)
            count, took = load(port, processes, clients, batch, seconds, first)
            used = cpu(process.pid) - used
            first += 50_000_000
            total += count
            each = f"{used / max(1, count) * 1e6:.0f} us of its processor a span"
            print(f"  {title}: {count / took:,.0f} spans/s, {each}, "
                  f"memory {resident(process.pid):.0f} MB", flush=True)  # fmt: skip
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        print(f"  on disk {size / max(1, total):.0f} bytes a call, of {total:,}", flush=True)
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--phoenix", help="its command")
    args = parser.parse_args()
    ours = [sys.executable, "-m", "infraprism", "serve", "--port", "14318", "--grpc-port", "14317"]
    measure("infraprism", ours, 14318, "/healthz", {}, args.seconds)
    if args.phoenix:
        environ = {"PHOENIX_PORT": "16006", "PHOENIX_GRPC_PORT": "16007"}
        measure("phoenix", [args.phoenix, "serve"], 16006, "/healthz", environ, args.seconds)


if __name__ == "__main__":
    main()
