"""Zen in a real pseudo-terminal: how long it takes from a key's byte to the text that its effect writes.

Every key waits for quiet first, so that one key's bytes are not taken for another's. Beside the clock, which other
programs stretch, the processor time of Zen's main thread is told: that is what holds up the next key.
"""

from __future__ import annotations

import os
import pty
import re
import select
import statistics
import struct
import sys
import termios
import time
from collections.abc import Sequence
from dataclasses import dataclass
from fcntl import ioctl
from pathlib import Path

ZEN = "import sys; sys.argv = ['zen']; from zen_tui.__main__ import main; main()"
PATIENCE = 60.0  # seconds
QUIET = 0.12  # seconds without a byte, before a key is pressed
CELL = (8, 17)  # pixels, of a terminal that shows pictures


@dataclass(frozen=True)
class Press:
    """Milliseconds from a key to its effect and to the last byte of it, and of processor time for all of that."""

    painted: float
    settled: float
    cpu: float


class Terminal:
    """Zen on the home at `root` in a terminal of `columns` x `rows` cells; `images` is how it shows pictures."""

    def __init__(self, root: Path, columns: int, rows: int, images: str = "halfcell") -> None:
        environment = {**os.environ, "ZEN_HOME": str(root), "TERM": "xterm-256color", "ZEN_IMAGES": images}
        self.child, self.master = pty.fork()
        if self.child == 0:
            os.execve(sys.executable, [sys.executable, "-c", ZEN], environment)
        pixels = columns * CELL[0], rows * CELL[1]
        ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, *pixels))

    def read(self, patience: float) -> bytes:
        """What comes within `patience` seconds, empty when nothing does."""
        if not select.select([self.master], [], [], patience)[0]:
            return b""
        try:
            return os.read(self.master, 1 << 20)
        except OSError:
            raise SystemExit("Zen ended before its time.") from None

    def rest(self, quiet: float = QUIET) -> float:
        """Wait until nothing has been painted for so many seconds; when the last byte came, on the clock."""
        last = time.perf_counter()
        while self.read(quiet):
            last = time.perf_counter()
        return last

    def press(self, key: str, wanted: str, quiet: float = QUIET) -> Press:
        """Press `key`, which may be nothing, until text that matches `wanted` has come, and until all rests."""
        while self.read(0):
            pass
        before, began = self.busy(), time.perf_counter()
        os.write(self.master, key.encode())
        seen = b""
        while not re.search(wanted, _plain(seen)):
            piece = self.read(PATIENCE)
            if not piece:
                raise SystemExit(f"{key!r} did not paint {wanted!r}, but: {_plain(seen)[-600:]}")
            seen += piece
        painted = time.perf_counter()
        settled = max(painted, self.rest(quiet)) if quiet else painted
        return Press(1000 * (painted - began), 1000 * (settled - began), self.busy() - before)

    def busy(self) -> float:
        """Milliseconds of processor time that Zen's main thread has used so far."""
        return int(Path(f"/proc/{self.child}/schedstat").read_text().split()[0]) / 1e6

    def close(self) -> None:
        os.kill(self.child, 9)
        os.waitpid(self.child, 0)
        os.close(self.master)


def summary(presses: Sequence[Press]) -> dict[str, float]:
    """Of the clock until the effect: median, 95th percentile and worst; the worst to the last byte; mean cpu."""
    painted = sorted(press.painted for press in presses)
    late = painted[round(0.95 * (len(painted) - 1))]
    return {
        "presses": len(presses),
        "median": round(statistics.median(painted), 1),
        "p95": round(late, 1),
        "worst": round(painted[-1], 1),
        "settled_worst": round(max(press.settled for press in presses), 1),
        "cpu": round(statistics.mean(press.cpu for press in presses), 1),
    }


def table(found: dict[str, dict[str, float]]) -> str:
    """The summaries by what was pressed, as lines for a person."""
    lines = [f"{'ms to the painted effect':44} median    p95  worst   settled, worst   cpu"]
    for name, row in found.items():
        figures = f"{row['median']:6.0f} {row['p95']:6.0f} {row['worst']:6.0f} {row['settled_worst']:16.0f}"
        lines.append(f"{name:44} {figures} {row['cpu']:5.0f}")
    return "\n".join(lines)


def load() -> str:
    """How busy the machine is: a number is worth little beside others' work."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"


def _plain(painted: bytes) -> str:
    """The text in what the terminal received."""
    return re.sub(r"\x1b\[[0-9;:?<>=]*[A-Za-z]", "", painted.decode(errors="replace"))
