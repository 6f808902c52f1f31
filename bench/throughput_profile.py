"""A sampled profile as a text: which threads, which functions, and what stands below them.

Reads what `py-spy record -f raw -t` writes, one stack and its count a line::

    thread (6590): engine-loop;Handle._run (asyncio/events.py:80);Http.post (…/http.py:106) 5

Guarantees: "with what it calls" counts a sample once for each function, however often it stands in
the stack; "by itself" counts the innermost one. Not guaranteed: time in C is its Python caller's.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path

_THREAD = re.compile(r"thread \(\d+\): (.*)")
_LINE = re.compile(r":\d+\)$")


THREADS = ("engine-loop", "asyncio", "ThreadPoolExecutor")


def summary(raw: str) -> str:
    return "\n".join(of_thread(raw, thread) for thread in THREADS)


def of_thread(raw: str, thread: str, top: int = 45) -> str:
    threads: Counter[str] = Counter()
    inclusive: Counter[str] = Counter()
    own: Counter[str] = Counter()
    for line in raw.splitlines():
        stack, _, number = line.rpartition(" ")
        name, *frames = stack.split(";")
        found = _THREAD.match(name)
        kind = (found[1] if found else name).rstrip("0123456789_-")
        threads[kind] += int(number)
        if kind == thread and frames:
            short = [_LINE.sub(")", frame) for frame in frames]
            inclusive.update(dict.fromkeys(short, int(number)))
            own[short[-1]] += int(number)
    total = max(sum(threads.values()), 1)
    whole = max(threads[thread], 1)
    lines = [f"samples: {total}", "", "by thread, share of all"]
    lines += [f"{100 * count / total:6.1f} %  {name}" for name, count in threads.most_common(12)]
    for title, counts in (("with what it calls", inclusive), ("by itself", own)):
        lines += ["", f"{thread}: {title}, share of that thread"]
        lines += [f"{100 * n / whole:6.1f} %  {name}" for name, n in counts.most_common(top)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(summary(Path(sys.argv[1]).read_text()), end="")
