"""`zen generate`: queue pictures from a prompt or a sheet."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from zen_tui.cli.output import JsonFlag, WaitFlag, narrate, print_json, say
from zen_tui.cli.waiting import wait_for
from zen_tui.library import models
from zen_tui.library.database import Database
from zen_tui.library.errors import WrongUse, ZenError
from zen_tui.library.paths import Home
from zen_tui.library.pictures import of_job
from zen_tui.library.specs import AdapterUse, Offload, Quantize
from zen_tui.library.text import nearest, plural

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def generate(
    prompt: Annotated[
        str | None, typer.Argument(metavar="PROMPT", help="What to draw; '-' reads a sheet from stdin.")
    ] = None,
    sheet: Annotated[Path | None, typer.Option(help="A file with a prompt a line.")] = None,
    adapter: Annotated[
        list[str] | None, typer.Option(metavar="NAME[:WEIGHT]", help="An adapter, as often as needed.")
    ] = None,
    base: Annotated[str | None, typer.Option(help="The base; else the adapter's own.")] = None,
    negative: Annotated[str, typer.Option(help="What to keep out of the pictures.")] = "",
    count: Annotated[int, typer.Option(min=1, max=10_000, help="Pictures of each prompt.")] = 1,
    seed: Annotated[int | None, typer.Option(min=0, help="The first seed; else drawn at random.")] = None,
    size: Annotated[str | None, typer.Option(metavar="WxH", help="Pixels; else the base's own size.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, max=1000, help="Denoising steps.")] = None,
    guidance: Annotated[
        float | None, typer.Option(min=0, max=100, help="How strictly to follow the prompt.")
    ] = None,
    scheduler: Annotated[str | None, typer.Option(help="default, euler, dpm++2m, unipc, ddim …")] = None,
    out: Annotated[Path | None, typer.Option(help="A folder that gets copies.")] = None,
    quantize: Annotated[
        str, typer.Option(help="Weights as they are or smaller: auto, none, int8, fp8, nf4.")
    ] = "auto",
    offload: Annotated[
        str, typer.Option(help="Weights in the computer's memory, on the card as needed: auto, on, off.")
    ] = "auto",
    gpus: Annotated[int, typer.Option(metavar="N", help="GPUs that share the pictures.")] = 1,
    wait: WaitFlag = False,
    json: JsonFlag = False,
) -> None:
    """Make pictures in the background.

    A sheet holds a prompt a line; {red|blue} makes one of each, {token} is the adapter's own word.

    Example: zen generate "a photo of {token} in a red suit" --adapter mara --count 4 --wait
    """
    from zen_tui.exchange.bases import ensure_builtin
    from zen_tui.jobs.launch import ensure_worker
    from zen_tui.jobs.submit import how_it_fits, sheet_defaults, submit_generation
    from zen_tui.library.sheets import parse

    text = sheet_text(prompt, sheet)
    storage: Quantize = one_of("--quantize", quantize, Quantize)
    carrying: Offload = one_of("--offload", offload, Offload)
    uses = [adapter_use(word) for word in adapter or []]
    home = Home.find().create()
    with Database.open(home) as db:
        ensure_builtin(db)
        chosen_base, defaults = sheet_defaults(
            db,
            base,
            uses,
            negative=negative,
            count=count,
            seed=seed,
            size=picture_size(size),
            steps=steps,
            guidance=guidance,
            scheduler=scheduler,
        )
        triggers = [models.adapter(db, use.name).trigger for use in uses]
        parsed = parse(text, token_phrase=next(filter(None, triggers), ""), defaults=defaults)
        job = submit_generation(
            db,
            home,
            base=chosen_base.slug,
            adapters=uses,
            requests=parsed.requests(),
            out=str(out.absolute()) if out else None,
            quantize=storage,
            offload=carrying,
            gpus=gpus,
        )
        fit = how_it_fits(chosen_base, storage, carrying, gpus=gpus)
        document: dict[str, Any] = {"job": job.id, "count": parsed.count, "plan": dict(fit)}
        if not json:
            narrate(f"Job {job.id}: {plural(parsed.count, 'picture')} with {chosen_base.slug}.")
            for name, value in fit:
                narrate(f"{name}  {value}")
        ensure_worker(home)
        if wait:
            wait_for(home, db, job.id, "drawing")
            document["pictures"] = [
                {"id": p.id, "path": str(home.resolve(p.path)), "seed": p.seed, "prompt": p.prompt}
                for p in of_job(db, job.id)
            ]
    if json:
        print_json(document)
    elif wait:
        for picture in document["pictures"]:
            say(picture["path"])
    else:
        narrate(f"They are made in the background. `zen jobs watch {job.id}` shows it.")


def sheet_text(prompt: str | None, sheet: Path | None) -> str:
    """The text of the prompt, the sheet file or stdin.

    Raises:
        WrongUse: none or two of them were given.
        ZenError: the file cannot be read.
    """
    if (prompt is None) == (sheet is None):
        raise WrongUse("Give a prompt, or --sheet FILE, or - to read a sheet from stdin.")
    if prompt == "-":
        return sys.stdin.read()
    if prompt is not None:
        return prompt.replace("\n", " ")
    assert sheet is not None
    try:
        return sheet.read_text()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        raise ZenError(f"The sheet {sheet} cannot be read: {why}.") from error


def one_of(option: str, word: str, allowed: Any) -> Any:
    """`word` if it is one of the values of the Literal `allowed`. Raises `WrongUse`."""
    values = get_args(allowed)
    if word not in values:
        close = nearest(word, values)
        hint = f"Did you mean {close}?" if close else f"It is one of: {', '.join(values)}."
        raise WrongUse(f"{option} cannot be {word!r}.", hint)
    return word


def adapter_use(word: str) -> AdapterUse:
    """`mara:0.8` as a name and a weight. Raises `WrongUse`."""
    name, found, weight = word.partition(":")
    try:
        return AdapterUse(name, float(weight) if found else 1.0)
    except ValueError:
        raise WrongUse(f"{weight!r} is not a weight.", f"Write --adapter {name}:0.8, for example.") from None


def picture_size(text: str | None) -> tuple[int, int] | None:
    """`768x512` as (width, height). Raises `WrongUse`."""
    if text is None:
        return None
    width, _, height = text.lower().replace("×", "x").partition("x")
    if not (width.isdigit() and height.isdigit()):
        raise WrongUse(f"{text!r} is not a size.", "Write --size 512x512, for example.")
    return int(width), int(height)
