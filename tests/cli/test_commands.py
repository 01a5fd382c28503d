"""The command line as a contract: help, names, exit codes, errors as sentences and as JSON."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
import typer

from tests.cli.conftest import Zen
from zen_tui.cli.main import NOUNS, app


def every_command() -> Iterator[list[str]]:
    root = typer.main.get_command(app)
    for name in NOUNS:
        command = root.get_command(None, name)  # type: ignore[attr-defined]
        subcommands = getattr(command, "commands", None)
        yield from ([[name, sub] for sub in subcommands] if subcommands else [[name]])


@pytest.mark.parametrize("words", list(every_command()), ids=" ".join)
def test_every_command_has_help_with_an_example_and_json(zen: Zen, words: list[str]) -> None:
    answer = zen(*words, "--help")

    assert answer.code == 0
    assert "Example: zen " + words[0] in " ".join(answer.out.split())
    assert "--json" in answer.out


def test_version_is_printed_without_loading_the_app(zen: Zen) -> None:
    assert zen("--version").out.startswith("zen 0.")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["datsets"], 2, "Did you mean datasets?"),
        (["datasets", "show"], 2, "Missing argument"),
        (["datasets", "list", "--wrong"], 2, "--wrong"),
        (["datasets", "show", "mara"], 3, "There is no dataset called mara."),
        (["runs", "show", "mara"], 3, "There is no run called mara."),
        (["adapters", "verify", "mara"], 3, "There is no adapter called mara."),
        (["pictures", "show", "7"], 3, "There is no picture 7."),
        (["jobs", "log", "7"], 3, "There is no job 7"),
        (["bases", "check", "zen-mni"], 3, "Did you mean zen-mini?"),
        (["train", "mara"], 3, "There is no dataset called mara."),
        (["generate"], 2, "Give a prompt"),
        (["generate", "a cat", "--size", "big"], 2, "'big' is not a size."),
        (["generate", "a cat", "--quantize", "int9"], 2, "--quantize cannot be 'int9'."),
        (["generate", "a cat", "--offload", "maybe"], 2, "It is one of: auto, on, off."),
        (["generate", "a cat", "--adapter", "mara:much"], 2, "'much' is not a weight."),
        (["generate", "a cat", "--adapter", "mara"], 3, "There is no adapter called mara."),
        (["generate", "--sheet", "/nowhere/sheet.txt"], 1, "/nowhere/sheet.txt cannot be read"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_use_is_a_sentence_and_an_exit_code(zen: Zen, words: list[str], code: int, said: str) -> None:
    plain, as_json = zen(*words), zen(*words, "--json")

    assert plain.code == as_json.code == code
    assert said in plain.err
    assert "Traceback" not in plain.err
    assert plain.out == ""
    error = as_json.json()["error"]
    assert said in f"{error['message']} {error['hint']}"
    assert error["kind"]


def test_lists_are_arrays_even_when_there_is_nothing(zen: Zen) -> None:
    for noun in ("datasets", "runs", "adapters", "pictures", "jobs"):
        answer = zen(noun, "list", "--json")
        assert answer.code == 0
        assert answer.json() == []
    assert [base["name"] for base in zen("bases", "list", "--json").json()] == ["zen-mini"]


def test_shell_completion_knows_the_nouns(home: object) -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "zen_tui", "complete"],
        env={**os.environ, "_ZEN_COMPLETE": "complete_bash", "COMP_WORDS": "zen da", "COMP_CWORD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert "datasets" in answer.stdout
