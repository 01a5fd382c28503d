"""Zen on an NVIDIA card: does it compute, learn, draw, stop and go on as it should, and what does it take?

    python -m benchmarks.cuda OUT [--only steps,resume] [--seconds 400] [--tiny]

Models are of their real size with random numbers; nothing is downloaded. OUT receives rows.jsonl, cuda.json, the
pictures of the demo, and log.txt and errors.txt with what went wrong. The checks, in this order:

    lock     the card computes under the offline lock, and the kernel refuses sockets
    steps    seconds a step and memory, planned and taken, of SDXL, FLUX.2 klein 4B and Z-Image
    resume   a run that was stopped against runs that were not, to the bit
    ladder   SDXL from disk, whose memory is taken away half way: it goes on with less
    pause    SDXL from disk in the worker: paused, the card free, taken up again
    demo     the whole loop with the built-in base
    stored   steps with the base in int8, fp8, and NF4 where bitsandbytes is installed
    fp16     steps with scaled gradients
    offload  the denoiser's blocks brought to the card one after another

With --tiny small models run on the CPU, which tries the script and not the card. Exits with 1 when a check fails.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from itertools import groupby
from pathlib import Path

import msgspec

from benchmarks.on_card.rows import Row, read

INSIDE = ("lock", "steps", "stored", "resume", "ladder", "fp16", "offload")
ORDER = ("lock", "steps", "resume", "ladder", "pause", "demo", "stored", "fp16", "offload")
GRACE = 45.0  # seconds for a check that has begun in time


def main() -> None:
    arguments = parsed()
    out: Path = arguments.out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    for name in ("rows.jsonl", "log.txt", "errors.txt"):
        (out / name).unlink(missing_ok=True)
    wanted = [name for name in ORDER if name in (arguments.only or ORDER)]
    until = time.monotonic() + arguments.seconds
    died = []
    with tempfile.TemporaryDirectory(prefix="zen-cuda-", ignore_cleanup_errors=True) as home:
        for inside, group in groupby(wanted, lambda name: name in INSIDE):
            names = list(group)
            module = "benchmarks.on_card.checks" if inside else "benchmarks.on_card.jobs"
            if not attempt(module, names, out, until - time.monotonic(), Path(home), tiny=arguments.tiny):
                died += names
    rows = read(out)
    document = {
        "python": platform.python_version(),
        "rows": [msgspec.to_builtins(row) for row in rows],
        "died": died,
    }
    (out / "cuda.json").write_text(json.dumps(document, indent=1))
    wrong = [row for row in rows if row.trouble]
    missing = [name for name in wanted if not any(row.check == name for row in rows)]
    sys.exit(verdict(wrong, missing))


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="a folder for what is found")
    parser.add_argument("--only", type=lambda text: text.split(","), help=f"some of {','.join(ORDER)}")
    parser.add_argument("--seconds", type=float, default=400, help="no check begins after that long")
    parser.add_argument("--tiny", action="store_true", help="small models on the CPU")
    return parser.parse_args()


def attempt(module: str, names: list[str], out: Path, seconds: float, home: Path, *, tiny: bool) -> bool:
    """Do these checks in a process of their own; whether it came to its end."""
    command = [sys.executable, "-m", module, str(out), f"{seconds:.0f}", ",".join(names), *(["tiny"] * tiny)]
    folder = home / names[0]
    paths = [str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "ZEN_HOME": str(folder), "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    environment["PYTHONUNBUFFERED"] = "1"
    errors = out / "errors.txt"
    with open(errors, "ab") as said, subprocess.Popen(command, env=environment, stderr=said) as child:
        try:
            child.wait(seconds + GRACE)
        except subprocess.TimeoutExpired:
            print(f"{','.join(names)}: stopped, as time was over", flush=True)
            child.terminate()
    if child.returncode:
        words = " ".join(errors.read_text(errors="replace").split())[-300:]
        print(f"{','.join(names)} ended with {child.returncode}: {words}", flush=True)
    return child.returncode == 0


def verdict(wrong: list[Row], missing: list[str]) -> str | int:
    """What the process ends with: 0, or a sentence that goes with 1."""
    if not wrong and not missing:
        return 0
    said = [f"{row.check} {row.case}: {row.trouble}".replace(" :", ":") for row in wrong]
    said += [f"{name} found nothing" for name in missing]
    return f"{len(said)} of the checks failed. {'; '.join(said)}."


if __name__ == "__main__":
    main()
