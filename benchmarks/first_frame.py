"""How long until Zen paints its first frame, beside an empty Textual app, both in a real pseudo-terminal.

They are started in turn, many times in one run, so that whatever else the machine does falls on all; medians
are compared. A frame counts as painted when the terminal has received a text that only it holds: of the empty
app its one word; of Zen the last of its tabs, and, as `zen_ready`, the keys of its first screen.

Usage: python benchmarks/first_frame.py [--rounds 15] [--home DIR]
"""

from __future__ import annotations

import argparse
import json
import os
import pty
import select
import statistics
import struct
import sys
import tempfile
import termios
import time
from fcntl import ioctl
from pathlib import Path

EMPTY = """
from textual.app import App
from textual.widgets import Static

class Empty(App):
    def compose(self):
        yield Static("painted")

Empty().run()
"""
ZEN = "import sys; sys.argv = ['zen']; from zen_tui.__main__ import main; main()"
MARKS = {"empty": b"painted", "zen": b"Privacy", "zen_ready": b"import"}  # text of the frame that is waited for
TARGET = 1.3
PATIENCE = 60.0  # seconds


def first_frame(code: str, mark: bytes, environment: dict[str, str]) -> float:
    """Milliseconds from the start of a Python that runs `code` to the frame that shows `mark`."""
    began = time.perf_counter()
    child, master = pty.fork()
    if child == 0:
        os.execve(sys.executable, [sys.executable, "-c", code], environment)
    ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    seen, took = b"", None
    try:
        while took is None:
            if not select.select([master], [], [], PATIENCE)[0]:
                raise SystemExit(f"No frame with {mark.decode()} in {PATIENCE:.0f} s.")
            try:
                piece = os.read(master, 65536)
            except OSError:
                raise SystemExit(
                    f"The app ended without a frame:\n{seen.decode(errors='replace')[-800:]}"
                ) from None
            seen += piece
            if mark in seen:
                took = 1000 * (time.perf_counter() - began)
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
        os.close(master)
    return took


def measure(rounds: int, home: Path) -> dict[str, float]:
    """Medians in milliseconds of `rounds` starts each, and their ratio; the first of each is not counted."""
    environment = {**os.environ, "ZEN_HOME": str(home), "TERM": "xterm-256color", "ZEN_IMAGES": "halfcell"}
    times: dict[str, list[float]] = {name: [] for name in MARKS}
    for _ in range(rounds + 1):
        for name, mark in MARKS.items():
            times[name].append(first_frame(EMPTY if name == "empty" else ZEN, mark, environment))
    found = {f"{name}_ms": round(statistics.median(taken[1:]), 1) for name, taken in times.items()}
    return {**found, "ratio": round(found["zen_ms"] / found["empty_ms"], 3), "rounds": rounds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=15, help="starts of each app that count")
    parser.add_argument("--home", type=Path, help="a home to open; else an empty one")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = measure(chosen.rounds, chosen.home or Path(folder) / "home")
    print(json.dumps(result))
    good = result["ratio"] <= TARGET
    print(
        f"first frame: empty Textual app {result['empty_ms']:.0f} ms, Zen {result['zen_ms']:.0f} ms, "
        f"ratio {result['ratio']:.2f} ({'within' if good else 'above'} the target of {TARGET}); "
        f"Zen's first screen is there after {result['zen_ready_ms']:.0f} ms",
        file=sys.stderr,
    )


if __name__ == "__main__":
    main()
