"""What the plan says that a training needs and takes, beside what it needed and took.

Each case is planned and trained by the command line in a home that has no other runs than the cases before it, so
that the first of a shape shows what is reckoned, and `again` what was measured before. The built-in base trains on
pictures of nothing; so does Stable Diffusion 1.5 in its full size, with random numbers, where there is the room.

Usage: python -m benchmarks.plan [--steps 6] [--only zen-mini] [--out FILE.json]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.on_card.noise import noise_photos
from zen_tui.generation.fit import free_memory
from zen_tui.jobs.launch import worker_alive
from zen_tui.library.paths import Home

ROOM = 14e9  # bytes of free memory, below which the large base is left out
BAR = 0.15
ALWAYS = ("sample_every=0", "holdout=0", "precision=fp32")
LORA = ("rank=16", "alpha=16")
CASES: list[tuple[str, str, tuple[str, ...]]] = [
    ("zen-mini", "lora", ("resolution=128", "batch_size=4")),
    ("zen-mini", "lora", ("resolution=128", "batch_size=8")),
    ("zen-mini", "lora", ("resolution=256", "batch_size=2")),
    ("zen-mini", "hypernetwork", ("resolution=128", "batch_size=4")),
    ("zen-mini", "embedding", ("resolution=128", "batch_size=4")),
    ("zen-mini", "dreambooth", ("resolution=128", "batch_size=4")),
    ("zen-mini", "lora", ("resolution=128", "batch_size=4")),
    ("sd15", "lora", ("resolution=256", "batch_size=1")),
    ("sd15", "lora", ("resolution=256", "batch_size=2")),
    ("sd15", "lora", ("resolution=512", "batch_size=1")),
    ("sd15", "lora", ("resolution=512", "batch_size=1", "gradient_checkpointing=on")),
    ("sd15", "lora", ("resolution=256", "batch_size=1")),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--only", help="one of the bases")
    parser.add_argument("--out", type=Path, help="a file for what was found")
    arguments = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ |= {"ZEN_HOME": f"{folder}/home", "ZEN_WORKER_IDLE": "1"}
        bases = prepare(Path(folder), arguments.only)
        print(f"{'':58}  memory MB                time of all steps, s", flush=True)
        print(f"{'case':58}  told  taken    off    told  taken    off", flush=True)
        for base, method, changed in CASES:
            if base in bases:
                rows.append(row := case(base, method, changed, arguments.steps))
                print(line(row), flush=True)
    if arguments.out:
        arguments.out.write_text(json.dumps(rows, indent=1))


def prepare(folder: Path, only: str | None) -> list[str]:
    """A dataset and the bases there is room for, by name."""
    photos = noise_photos(folder / "photos")
    zen("datasets", "import", str(photos), "--name", "noise", "--class", "thing", "--kind", "object")
    bases = ["zen-mini"]
    if free_memory() > ROOM and only != "zen-mini":
        large = folder / "sd15"
        subprocess.run([sys.executable, "-m", "benchmarks.on_card.folder", str(large), "sd15"], check=True)
        zen("bases", "add", str(large), "--name", "sd15")
        bases.append("sd15")
    return [base for base in bases if only in (None, base)]


def case(base: str, method: str, changed: tuple[str, ...], steps: int) -> dict[str, Any]:
    """Train once, with a worker of its own."""
    while worker_alive(Home.find()):
        time.sleep(0.1)
    chosen = [
        word
        for setting in (*ALWAYS, *(LORA if method == "lora" else ()), *changed, f"steps={steps}")
        for word in ("--set", setting)
    ]
    told = json.loads(zen("train", "noise", "--base", base, "--method", method, *chosen, "--wait", "--json"))
    plan, metrics = told["plan"], told["metrics"]
    return {
        "case": f"{base} {method} {' '.join(changed)}{' again' if plan['measured'] else ''}",
        "memory_told": plan["memory_mb"],
        "memory_taken": metrics["memory_mb"],
        "seconds_told": plan["seconds"],
        "seconds_taken": metrics["seconds_per_step"] * steps,
    }


def line(row: dict[str, Any]) -> str:
    memory = compared(row["memory_told"], row["memory_taken"])
    return f"{row['case']:58} {memory} {compared(row['seconds_told'], row['seconds_taken'])}"


def compared(told: float | None, taken: float) -> str:
    if told is None:
        return f"{'':5} {taken:6.5g}        "
    off = told / taken - 1
    return f"{told:5.4g} {taken:6.5g} {off:+6.0%}{' ' if abs(off) <= BAR else '*'}"


def zen(*words: str) -> str:
    ran = subprocess.run([sys.executable, "-m", "zen_tui", *words], capture_output=True, text=True, check=False)
    if ran.returncode:
        raise SystemExit(f"zen {' '.join(words)}: {ran.stderr.strip()}")
    return ran.stdout


if __name__ == "__main__":
    main()
