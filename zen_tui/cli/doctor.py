"""`zen doctor`: what works on this machine and what does not, each as one line."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import typer

from zen_tui.cli.output import JsonFlag, print_json, say
from zen_tui.library.database import WAL_RESET_FIXED
from zen_tui.library.paths import Home
from zen_tui.library.text import megabytes

app = typer.Typer(rich_markup_mode=None, add_completion=False)

MARKS = {"ok": "✓", "warn": "!", "bad": "✗"}


class Check(msgspec.Struct):
    """One thing that was looked at: its name, how it stands, and a sentence."""

    name: str
    state: Literal["ok", "warn", "bad"]
    text: str


@app.command()
def doctor(
    repair: Annotated[bool, typer.Option("--repair", help="Mend permissions of Zen's folder.")] = False,
    json: JsonFlag = False,
) -> None:
    """Say what works here: Python, torch, GPU, memory, disk, terminal, offline lock, keyring, database.

    Example: zen doctor
    """
    home = Home.find().create()
    checks = []
    for check in _checks(home, repair):
        checks.append(check)
        if not json:
            say(f"{MARKS[check.state]} {check.name.ljust(12)} {check.text}")
    if json:
        print_json({"checks": checks})
    if any(check.state == "bad" for check in checks):
        raise typer.Exit(1)


def _checks(home: Home, repair: bool) -> Iterator[Check]:
    yield Check("python", "ok", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    yield from _torch()
    yield from _memory()
    yield _disk(home)
    yield _terminal()
    yield _keyring()
    yield _sqlite()
    yield _permissions(home, repair)
    yield _base()
    yield _faces()


def _torch() -> Iterator[Check]:
    try:
        version = importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        yield Check("torch", "bad", "not installed, so nothing can be trained or drawn")
        return
    answer = subprocess.run(
        [sys.executable, "-m", "zen_tui.jobs.selfcheck"], capture_output=True, text=True, check=False
    )
    if answer.returncode:
        why = (answer.stderr.strip().splitlines() or ["no reason given"])[-1]
        yield Check("torch", "bad", f"{version} is installed, but a step under the offline lock failed: {why}")
        return
    found: dict[str, Any] = msgspec.json.decode(answer.stdout.encode())
    memory = f", {megabytes(found['memory'])}" if found["memory"] else ""
    precision = "bf16" if found["bf16"] else "no bf16"
    yield Check("torch", "ok", f"{found['torch']}, a training step works on {found['name']}{memory} ({precision})")
    yield _gpu(found["device"])
    level = found["lock"]["level"]
    yield Check("offline", "ok" if level == "kernel" else "warn", found["lock"]["text"])


def _gpu(device: str) -> Check:
    import pynvml

    try:
        pynvml.nvmlInit()
        driver = pynvml.nvmlSystemGetDriverVersion()
        names = [pynvml.nvmlDeviceGetName(pynvml.nvmlDeviceGetHandleByIndex(i))
                 for i in range(pynvml.nvmlDeviceGetCount())]  # fmt: skip
    except pynvml.NVMLError:
        return Check("gpu", "warn", "no NVIDIA GPU found; the processor works, but slowly with large bases")
    if device != "cuda":
        return Check(
            "gpu", "bad", f"{', '.join(names)}, driver {driver}, but torch cannot use it; install a CUDA build"
        )
    return Check("gpu", "ok", f"{', '.join(names)}, driver {driver}")


def _memory() -> Iterator[Check]:
    if not hasattr(os, "sysconf"):
        return
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    swaps = Path("/proc/swaps")
    swapped = [line.split()[0] for line in swaps.read_text().splitlines()[1:]] if swaps.exists() else []
    plain = [name for name in swapped if "zram" not in name and "dm-" not in name]
    if plain:
        yield Check(
            "memory", "warn", f"{megabytes(total)}; swap on {', '.join(plain)} may hold what was in memory"
        )
    else:
        yield Check("memory", "ok", megabytes(total))


def _disk(home: Home) -> Check:
    free = shutil.disk_usage(home.root).free
    state: Literal["ok", "warn"] = "ok" if free > 5e9 else "warn"
    return Check("disk", state, f"{megabytes(free)} free for {home.root}")


def _terminal() -> Check:
    from zen_tui.tui.terminal import describe

    mode, why = describe()
    return Check("terminal", "ok", f"{os.environ.get('TERM', 'none')}, pictures as {mode}: {why}")


def _keyring() -> Check:
    import keyring

    backend = keyring.get_keyring()
    name = f"{type(backend).__module__}".removeprefix("keyring.backends.")
    if backend.priority <= 0 or name.startswith(("fail", "null")):
        return Check("keyring", "warn", "no system keyring; nothing in Zen needs one yet")
    return Check("keyring", "ok", name)


def _sqlite() -> Check:
    version = sqlite3.sqlite_version
    if sqlite3.sqlite_version_info < WAL_RESET_FIXED:
        return Check("sqlite", "ok", f"{version}; older than 3.51.3, so Zen folds its log in by itself")
    return Check("sqlite", "ok", version)


def _permissions(home: Home, repair: bool) -> Check:
    open_paths = [p for p in [home.root, *home.root.rglob("*")] if not p.is_symlink() and p.stat().st_mode & 0o077]
    if not open_paths:
        return Check("permissions", "ok", f"only you can read {home.root}")
    if repair:
        for path in open_paths:
            path.chmod(0o700 if path.is_dir() else 0o600)
        return Check(
            "permissions", "ok", f"{len(open_paths)} files were open to other accounts and are closed now"
        )
    return Check("permissions", "warn", f"{len(open_paths)} files can be read by other accounts; add --repair")


def _base() -> Check:
    from zen_tui.exchange.bases import require_builtin
    from zen_tui.library.errors import ZenError

    try:
        require_builtin()
    except ZenError as error:
        return Check("zen-mini", "bad", str(error))
    return Check("zen-mini", "ok", "the built-in base is whole")


def _faces() -> Check:
    from zen_tui.photos.faces import missing

    if why := missing():
        return Check("faces", "warn", why)
    return Check("faces", "ok", "OpenCV finds them with YuNet and compares them with SFace, on this machine")
