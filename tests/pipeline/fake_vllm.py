"""A small server in the place of vLLM's, with its arguments: for tests of who starts and stops it.

FAKE_VLLM says how it behaves, words apart: "fail" (says why and ends with status 3), "never"
(does not answer), "once" (fails from its second start on), "sick" (ill from the second look at its
health on), "stubborn" (does not hear SIGTERM), "child" (has a child in a session of its own), "kin"
(has one in the same).
It writes the ids of its processes to FAKE_PIDS, a line a start.
"""

import json
import os
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HOW = os.environ.get("FAKE_VLLM", "").split()
PIDS = Path(os.environ["FAKE_PIDS"])


def value(name: str) -> str:
    return sys.argv[sys.argv.index(name) + 1]


class Handler(BaseHTTPRequestHandler):
    looks = 0

    def say(self, content: object, status: int = 200) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        if self.path == "/v1/models":
            name = value("--served-model-name")
            self.say({"data": [{"id": name, "owned_by": "vllm"}]})
            return
        Handler.looks += 1
        self.say({}, 503 if "sick" in HOW and Handler.looks > 1 else 200)

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        asked = json.loads(self.rfile.read(length))
        choice = {"text": f"{os.getpid()}", "finish_reason": "stop"}
        choices = [choice | {"index": index} for index in range(asked["n"])]
        self.say({"choices": choices, "usage": {"completion_tokens": 2 * asked["n"]}})

    def log_message(self, *_: object) -> None:
        pass


def main() -> None:
    starts = len(PIDS.read_text().splitlines()) if PIDS.exists() else 0
    pids = [os.getpid()]
    if "child" in HOW or "kin" in HOW:
        sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
        pids.append(subprocess.Popen(sleep, start_new_session="child" in HOW).pid)
    with PIDS.open("a") as file:
        file.write(" ".join(map(str, pids)) + "\n")
    if "fail" in HOW or ("once" in HOW and starts):
        print("Traceback (most recent call last):")
        print("ValueError: the weights are made of cheese", flush=True)
        print("nanobind: leaked 4 instances!", flush=True)
        sys.exit(3)
    if "stubborn" in HOW:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if "never" in HOW:
        time.sleep(600)
    server = ThreadingHTTPServer(("127.0.0.1", int(value("--port"))), Handler)
    server.serve_forever()


main()
