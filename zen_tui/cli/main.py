"""The `zen` command with words: its groups, its exit codes, and the one place where errors become sentences."""

from __future__ import annotations

import importlib
import os
import sys

import click
import typer

from zen_tui.cli.output import error_document, narrate, print_json
from zen_tui.library.errors import WrongUse, ZenError

GROUPS = ("datasets", "bases", "runs", "adapters", "pictures", "jobs", "privacy")
COMMANDS = ("demo", "doctor", "train", "generate")


class LazyGroup(click.Group):
    """Loads a noun's file only when its command is named, so that `zen --version` is quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS[:2], "datasets", "bases", *COMMANDS[2:], *GROUPS[2:]]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in GROUPS and name not in COMMANDS:
            return None
        module = importlib.import_module(f"zen_tui.cli.{name}")
        command = typer.main.get_command(module.app)
        command.name = name
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        from zen_tui.library.text import nearest

        name = args[0] if args else ""
        if name and not name.startswith("-") and self.get_command(ctx, name) is None:
            close = nearest(name, [*GROUPS, *COMMANDS])
            raise WrongUse(
                f"There is no command called {name}.",
                f"Did you mean {close}?" if close else "`zen --help` lists what there is.",
            )
        return super().resolve_command(ctx, args)


def _version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from zen_tui import __version__

        click.echo(f"zen {__version__}")
        ctx.exit()


zen = LazyGroup(
    name="zen",
    help="Train a model of yourself, your pet, product or style from your own photos, offline.\n\n"
    "`zen` alone opens the app.\n\n\b\nExample:\n  zen demo",
    params=[click.Option(["--version"], is_flag=True, is_eager=True, expose_value=False, callback=_version,
                         help="Print the version.")],
    context_settings={"help_option_names": ["--help", "-h"]},
)  # fmt: skip


def main() -> None:
    """Run the command of `sys.argv`. Exit codes: 0, 1 failure, 2 wrong use, 3 not found, 130 interrupted."""
    sys.exit(run(sys.argv[1:]))


def run(args: list[str]) -> int:
    """Run a command and return its exit code."""
    as_json = "--json" in args
    try:
        result = zen.main(args, prog_name="zen", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as ended:
        return int(ended.exit_code)
    except click.ClickException as error:
        return _report(WrongUse(error.format_message(), "Add --help to see how it is used."), as_json)
    except ZenError as error:
        return _report(error, as_json)
    except (KeyboardInterrupt, click.Abort):
        narrate("Interrupted.")
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _report(error: ZenError, as_json: bool) -> int:
    if as_json:
        print_json(error_document(error))
    narrate(error.message)
    if error.hint:
        narrate(error.hint)
    return error.exit_code
