"""`zen train-node`: be one machine of a run that several share."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Annotated

import typer

from zen_tui.cli.output import JsonFlag, print_json
from zen_tui.library.errors import WrongUse
from zen_tui.library.paths import Home

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def train_node(
    address: Annotated[
        str | None, typer.Argument(metavar="HOST:PORT", help="Where the first machine waits.")
    ] = None,
    lead: Annotated[
        str | None, typer.Option(metavar="RUN", help="Be the first machine of this run, and wait for the others.")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Take part in a run that `zen train --nodes` began; it prints this command for every machine.

    This is the one way in which Zen connects machines: to the address you name, for this run. The offline lock
    closes everything else before a photo is read. What the machines tell each other is not encrypted.

    Example: zen train-node 192.168.1.10:29500
    """
    from zen_tui.jobs.nodes import KEY

    if (address is None) == (lead is None):
        raise WrongUse("Give the address of the first machine, or --lead RUN to be it.")
    if address and not os.environ.get(KEY):
        raise WrongUse(f"{KEY} is not set.", "Copy the whole line that the first machine printed.")
    home = Home.find().create()
    words = ["lead", lead] if lead else ["come", address or ""]
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "zen_tui.jobs.node", *words], env={**os.environ, "ZEN_HOME": str(home.root)}
    )
    while True:
        try:
            code = process.wait()
            break
        except KeyboardInterrupt:
            continue  # it has heard that, too, and leaves when the step is done
    if json:
        print_json({"ended": code})
    if code:
        raise typer.Exit(code)
