"""The rules of the house, proved at run time: who may load what, who may write, and how large a file grows."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest

from tests.helpers import python

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "zen_tui"
ROOMS = sorted(folder.name for folder in PACKAGE.iterdir() if (folder / "__init__.py").exists())
LONGEST = 350  # lines of a file

MODELS = ("torch", "diffusers", "transformers", "peft", "accelerate")
HEAVY = (*MODELS, "numpy", "PIL", "textual", "textual_image", "typer", "sqlite_utils")

MAY_WRITE = {
    "library/durable.py": "the one place for it",
    "library/migrations.py": "copies the database aside before changing it",
    "exchange/fetch_process.py": "goes on with a file that a break cut off",
    "jobs/events.py": "appends events, one write a line",
    "jobs/log.py": "a job's log",
    "jobs/launch.py": "the worker's lock and log",
    "privacy/crash.py": "the crash log, which must not depend on anything",
    "privacy/environment.py": "a kernel setting under /proc",
    "training/meters.py": "a kernel counter under /proc",
    "tui/editor.py": "a draft for the person's own editor",
    "mannequins/pretrain*.py": "the recipe works in a folder of its own, outside the home",
}


def modules(*folders: str) -> list[str]:
    """Every module of these rooms, by dotted name."""
    files = [path for folder in folders for path in sorted((PACKAGE / folder).rglob("*.py"))]
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in files]
    return [name.removesuffix(".__init__") for name in names]


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def sources(folder: Path = PACKAGE) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def loaded_after(names: list[str], unwanted: tuple[str, ...]) -> str:
    """Import `names` in a fresh Python; which of `unwanted` that loaded, and by which name first."""
    code = """
import importlib, sys
names, unwanted = sys.argv[1].split(), sys.argv[2].split()
for name in names:
    importlib.import_module(name)
    found = [word for word in unwanted if word in sys.modules]
    if found:
        sys.exit(f"{name} loads {', '.join(found)}")
"""
    ran = python(code, " ".join(names), " ".join(unwanted))
    return "" if ran.returncode == 0 else ran.stderr


def test_the_watcher_sees_what_a_module_loads() -> None:
    assert "wave loads struct" in loaded_after(["string", "wave"], ("struct", "torch"))


def test_opening_the_door_of_a_room_loads_nothing_heavy() -> None:
    assert loaded_after(["zen_tui", *(f"zen_tui.{room}" for room in ROOMS)], HEAVY) == ""


def test_the_command_line_loads_no_model_and_no_screen() -> None:
    assert loaded_after(modules("cli"), (*MODELS, "numpy", "PIL", "textual", "textual_image")) == ""


def test_the_screens_load_no_model() -> None:
    assert loaded_after(modules("tui"), (*MODELS, "numpy", "textual_image")) == ""


def test_what_a_screen_may_call_loads_no_model_and_no_screen() -> None:
    rooms = modules("library", "privacy", "photos", "exchange", "jobs")
    assert loaded_after(rooms, (*MODELS, "textual", "textual_image", "typer")) == ""


def test_the_arrows_between_rooms_point_down() -> None:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("folder", ["zen_tui", "tests", "benchmarks", "screenshots"])
def test_no_file_has_grown_too_long(folder: str) -> None:
    lengths = {str(path.relative_to(ROOT)): path.read_text().count("\n") for path in sources(ROOT / folder)}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST} == {}


def test_every_room_says_what_it_is_for() -> None:
    silent = [path for path in sources() if path.stat().st_size and ast.get_docstring(tree(path)) is None]
    assert silent == []
    assert [room for room in ROOMS if not ast.get_docstring(tree(PACKAGE / room / "__init__.py"))] == []


# Who writes


def raw_writes(node: ast.AST) -> Iterator[ast.Call]:
    """Calls under `node` that open a file for writing, other than on the temporary path of `replacing`."""
    if isinstance(node, ast.With) and any(_name(item.context_expr) == "replacing" for item in node.items):
        return
    if isinstance(node, ast.Call) and _writes(node):
        yield node
    for child in ast.iter_child_nodes(node):
        yield from raw_writes(child)


def _writes(call: ast.Call) -> bool:
    text = ast.unparse(call.func)
    if text in ("open", "io.open", "os.fdopen") or text.endswith(".open"):
        literals = [
            a.value for a in (*call.args, *(k.value for k in call.keywords)) if isinstance(a, ast.Constant)
        ]
        modes = [value for value in literals if isinstance(value, str) and set(value) <= set("rwaxbt+")]
        flags = "os.O_WRONLY" in ast.unparse(call) or "os.O_RDWR" in ast.unparse(call)
        return any(set(mode) & set("wax+") for mode in modes) or flags
    copies = (
        "shutil.copy",
        "shutil.copy2",
        "shutil.copyfile",
        "shutil.move",
        "os.replace",
        "os.rename",
        "torch.save",
    )
    return text in copies or (text.endswith((".write_text", ".write_bytes")) and text != "durable.write_text")


def _name(node: ast.AST) -> str:
    return ast.unparse(node.func).rpartition(".")[2] if isinstance(node, ast.Call) else ""


def test_the_watcher_tells_writing_from_reading() -> None:
    code = """
open(a); open(a, "rb"); path.open(); Image.open(path)
open(a, "w"); path.open("ab"); os.open(a, os.O_RDWR | os.O_CREAT); path.write_text("x"); shutil.move(a, b)
with replacing(path) as temporary:
    open(temporary, "wb")
"""
    assert [call.lineno for call in raw_writes(ast.parse(code))] == [3] * 5


def test_only_durable_writes_files() -> None:
    writers = {
        str(path.relative_to(PACKAGE)): [call.lineno for call in found]
        for path in sources()
        if (found := list(raw_writes(tree(path))))
    }
    others = {name: lines for name, lines in writers.items() if not any(fnmatch(name, may) for may in MAY_WRITE)}
    assert others == {}
    unused = [may for may in MAY_WRITE if not any(fnmatch(name, may) for name in writers)]
    assert unused == [], "an exception that nobody needs any more"


# What is never done


def _calls() -> Iterator[tuple[Path, ast.Call]]:
    for path in sources():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call):
                yield path, node


def test_nothing_foreign_is_run() -> None:
    """No code from model folders, no pickles: neither by import nor by a loader left at its default."""
    bad = []
    for path, call in _calls():
        keywords = {k.arg: ast.unparse(k.value) for k in call.keywords}
        called = ast.unparse(call.func)
        if (
            "trust_remote_code" in keywords
            or keywords.get("allow_pickle", "False") != "False"
            or (called == "torch.load" and keywords.get("weights_only") != "True")
            or called in ("eval", "exec", "__import__")
        ):
            bad.append(f"{path.relative_to(ROOT)}:{call.lineno} {called}")
    assert bad == []
    assert _importers({"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}) == set()


def test_nothing_reaches_for_the_network() -> None:
    network = {"socket", "urllib.request", "http.client", "http.server", "requests", "httpx", "ftplib", "smtplib"}
    trying = {name for name in _importers(network) if name.startswith("zen_tui/privacy/")}
    fetching = {"zen_tui/exchange/fetch_process.py"}
    meeting = {"zen_tui/ranks/meeting.py"}  # machines that a person named, before the lock is on
    assert _importers(network) == trying | fetching | meeting, "the proof tries, to see that it is refused"
    assert _importers({"zen_tui.ranks.meeting"}) == {
        "zen_tui/cli/train.py", "zen_tui/jobs/node.py", "zen_tui/jobs/nodes.py"
    }  # fmt: skip
    assert _importers({"zen_tui.exchange.fetch_process"}) == set(), "it is a process of its own, never a module"


def test_no_loader_starts_processes_that_the_offline_lock_would_stop() -> None:
    started = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path, call in _calls()
        if any(k.arg == "num_workers" and ast.unparse(k.value) != "0" for k in call.keywords)
    ]
    assert started == []


def _importers(names: set[str]) -> set[str]:
    found = set()
    for path in sources():
        for node in ast.walk(tree(path)):
            imported = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                imported = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            if any(name == word or name.startswith(f"{word}.") for name in imported for word in names):
                found.add(str(path.relative_to(ROOT)))
    return found
