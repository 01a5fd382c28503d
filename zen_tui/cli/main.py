"""The `zen` command with words: its groups, its exit codes, and the one place where errors become sentences."""

from __future__ import annotations

import importlib
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from zen_tui.cli.output import error_document, narrate, print_json
from zen_tui.library.errors import WrongUse, ZenError
from zen_tui.library.text import nearest

NOUNS = (
    "demo",
    "doctor",
    "datasets",
    "bases",
    "train",
    "train-node",
    "compare-methods",
    "runs",
    "adapters",
    "generate",
    "pictures",
    "jobs",
    "privacy",
)


class Nouns(TyperGroup):
    """Loads a noun's file only when its command is named, so that `zen --version` is quick."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(NOUNS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in NOUNS:
            return None
        command = typer.main.get_command(importlib.import_module(f"zen_tui.cli.{cmd_name.replace('-', '_')}").app)
        command.name = cmd_name
        return command

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if not args[0].startswith("-") and args[0] not in NOUNS:
            close = nearest(args[0], NOUNS)
            hint = f"Did you mean {close}?" if close else "`zen --help` lists what there is."
            raise WrongUse(f"There is no command called {args[0]}.", hint)
        return super().resolve_command(ctx, args)


app = typer.Typer(cls=Nouns, rich_markup_mode=None, context_settings={"help_option_names": ["--help", "-h"]})


@app.callback()
def zen(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
) -> None:
    """Train a model of yourself, your pet, product or style from your own photos, offline.

    `zen` alone opens the app.

    Example: zen demo
    """


def main() -> None:
    """Run the command of `sys.argv`. Exit codes: 0, 1 failure, 2 wrong use, 3 not found, 130 interrupted."""
    sys.exit(run(sys.argv[1:]))


def run(args: list[str]) -> int:
    """Run a command and return its exit code."""
    if args == ["--version"]:
        from zen_tui import __version__

        print(f"zen {__version__}")
        return 0
    try:
        result = typer.main.get_command(app).main(args, prog_name="zen", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except ZenError as error:
        return _report(error, "--json" in args)
    except typer.TyperException as error:
        return _report(WrongUse(error.format_message(), "Add --help to see how it is used."), "--json" in args)
    except (KeyboardInterrupt, typer.Abort):
        narrate("Interrupted.")
        return 130


def _report(error: ZenError, as_json: bool) -> int:
    if as_json:
        print_json(error_document(error))
    narrate(error.message)
    if error.hint:
        narrate(error.hint)
    return error.exit_code
