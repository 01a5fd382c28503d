"""The job that makes one adapter file from others: exported, merged, scaled, resized, extracted.

It needs no GPU and takes seconds to minutes. Nothing it writes stays unless it was read back and is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from zen_tui.exchange.adapter_header import plan_header
from zen_tui.exchange.adapters import TRIGGER, import_adapter, inspect_adapter, wordless
from zen_tui.exchange.base_layers import places_of
from zen_tui.exchange.profiles import PROFILES
from zen_tui.exchange.safetensors_header import Header, read_header
from zen_tui.exchange.source import source_of
from zen_tui.families import embeddings, lora_export, lora_file, lora_math
from zen_tui.families.adapters import open_adapter
from zen_tui.families.baking import bake
from zen_tui.families.base_weights import differing
from zen_tui.families.changes import Change
from zen_tui.families.embeddings import Embedding, word_beside
from zen_tui.families.legacy import convert
from zen_tui.library import models
from zen_tui.library.database import Database, free_slug
from zen_tui.library.errors import BadFile, NotFound, Refused, WrongUse
from zen_tui.library.events import Feed, Interrupted, Progress
from zen_tui.library.paths import Home
from zen_tui.library.records import Adapter
from zen_tui.library.specs import AdapterSpec
from zen_tui.library.text import slugify

Told = Callable[[int, int], None]


def make_adapter(spec: AdapterSpec, feed: Feed, db: Database, home: Home) -> dict[str, Any]:
    """Do what `spec` says.

    Returns:
        for an export `out`, `words` (files of words beside it), `format`, `header` (`kept` and `dropped`) and
        `check` (`layers`, `absolute`, `relative`); for arithmetic `adapter`, `rank`, `layers` and, where singular
        values were cut, `kept` (`least`, `mean`).

    Raises:
        Refused, WrongUse, NotFound, BadFile: nothing is written.
        DiskFull: likewise.
        Interrupted: the feed asked for it; likewise.
    """
    if spec.action == "export":
        return _export(spec, _telling(feed, "comparing layers"), db, home)
    if spec.action == "convert":
        return _converted(spec, db, home)
    if spec.action == "bake":
        return bake(spec, _telling(feed, "parts"), db, home)
    told = _telling(feed, "layers")
    share: lora_math.Resized | None = None
    if spec.action == "extract":
        family, variant, share = _extracted(spec, told, db)
        sources: list[Adapter] = []
        changes = share.changes
    else:
        sources = [models.adapter(db, use.name) for use in spec.adapters]
        files = [_changes(home, wordless(adapter)) for adapter in sources]
        family, variant = _one_family(sources)
        if spec.action == "merge":
            changes = lora_math.merged(
                (adapter.slug, file, use.weight)
                for adapter, file, use in zip(sources, files, spec.adapters, strict=True)
            )
        elif spec.action == "scale":
            changes = lora_math.scaled(files[0], spec.adapters[0].weight, sources[0].slug)
        else:
            share = lora_math.resized(files[0], spec.rank, sources[0].slug, told)
            changes = share.changes
    return _recorded(spec, db, home, family, variant, sources, changes, share)


def _converted(spec: AdapterSpec, db: Database, home: Home) -> dict[str, Any]:
    source = Path(spec.source)
    target = home.work / f"{slugify(source.stem) or 'adapter'}.safetensors"
    try:
        convert(source, target)
        adapter = import_adapter(db, home, target, spec.name or source.stem)
    finally:
        target.unlink(missing_ok=True)
    return {"adapter": adapter.slug, "rank": adapter.facts["rank"], "layers": adapter.facts["modules"]}


def _telling(feed: Feed, what: str) -> Told:
    def told(done: int, total: int) -> None:
        if how := feed.asked():
            raise Interrupted(how)
        feed.tell(Progress(what=what, done=done, total=total))

    return told


def _changes(home: Home, adapter: Adapter) -> list[Change]:
    if adapter.kind != "lora":
        raise Refused(
            f"{adapter.slug} is a {adapter.kind}, not a LoRA.", "Only LoRAs can be exported and combined."
        )
    return list(lora_file.read(home.resolve(adapter.path)).changes)


def _one_family(sources: Sequence[Adapter]) -> tuple[str, str]:
    first = sources[0]
    other = next((adapter for adapter in sources if adapter.family != first.family), None)
    if other is not None:
        titles = PROFILES[first.family].title, PROFILES[other.family].title
        raise Refused(
            f"{first.slug} is for {titles[0]} and {other.slug} for {titles[1]}.",
            "Merge adapters of one family.",
        )
    return first.family, str(first.facts.get("variant", ""))


def _export(spec: AdapterSpec, told: Told, db: Database, home: Home) -> dict[str, Any]:
    adapter = models.adapter(db, spec.adapters[0].name)
    if spec.out is None:
        raise WrongUse("There is no file to write to.", "Name one with --out.")
    out = Path(spec.out)
    lora_export.require_format(adapter.family, spec.format)
    changes = _changes(home, adapter)
    header, words = _words(home, adapter)
    beside = [word_beside(out, number) for number in range(len(words))] if spec.format == "diffusers" else []
    if taken := next((path for path in (out, *beside) if path.exists()), None):
        raise Refused(f"{taken} exists already.", "Choose another name; Zen overwrites nothing.")
    tensors = lora_export.tensors_for(changes, adapter.family, spec.format, adapter.slug)
    if not beside:
        tensors |= embeddings.bundle(words)
    ranks = {change.rank for change in changes}
    alphas = {change.rank * (change.scale if spec.format == "kohya" else 1.0) for change in changes}
    licence = _licence(db, adapter)
    plan = plan_header(
        header.metadata,
        family=adapter.family,
        variant=str(adapter.facts.get("variant", "")),
        format=spec.format,
        title=out.stem,
        trigger=adapter.trigger,
        licence=licence,
        rank=_only(ranks),
        alpha=_only(alphas),
        keep=spec.keep,
    )
    lora_export.write_lora(out, tensors, plan.kept, spec.format)
    try:
        found = lora_export.proven(out, changes, told)
        if beside:
            for path, word in zip(beside, words, strict=True):
                embeddings.write(path, word, adapter.family, licence)
        _require_words(words, out, beside)
    except BaseException:
        for path in (out, *beside):
            path.unlink(missing_ok=True)
        raise
    return {
        "out": str(out),
        "words": [str(path) for path in beside],
        "format": spec.format,
        "header": msgspec.to_builtins(plan),
        "check": {"layers": found.layers, "absolute": found.absolute, "relative": found.relative},
    }


def _words(home: Home, adapter: Adapter) -> tuple[Header, tuple[Embedding, ...]]:
    """The header of a LoRA's file, and the words that it brings along."""
    own = home.resolve(adapter.path)
    header = read_header(own)
    return header, Embedding.bundled(own, header)


def _require_words(words: Sequence[Embedding], lora: Path, beside: Sequence[Path]) -> None:
    """Raise `BadFile` unless `words` are what is read from the files `beside`, or else from `lora`."""
    found: Sequence[object] = [open_adapter(path, depth=2) for path in beside]
    found = found or Embedding.bundled(lora, read_header(lora))
    if len(found) != len(words) or not all(map(embeddings.same, words, found)):
        raise BadFile("What was written of its words differs from what was read.", "Nothing was kept.")


def _licence(db: Database, adapter: Adapter) -> str:
    """The licence of the base that an adapter was made with, which holds for the adapter too."""
    if adapter.base_id is None:
        return ""
    try:
        return str(models.base_by_id(db, adapter.base_id).facts.get("licence", ""))
    except NotFound:
        return ""


def _only(numbers: set[int] | set[float]) -> str:
    """The number that all layers share, or sd-scripts' word for several."""
    return f"{next(iter(numbers)):g}" if len(numbers) == 1 else "Dynamic"


def _extracted(spec: AdapterSpec, told: Told, db: Database) -> tuple[str, str, lora_math.Resized]:
    tuned, base = models.base(db, spec.tuned), models.base(db, spec.base)
    profile = PROFILES[base.family]
    parts = (profile.denoiser, *(sub for sub in profile.text_encoders if base.family in ("sd15", "sdxl")))
    count = sum(len(places) for places in places_of(source_of(base), base.family, parts).values())
    pairs = (pair for pair in differing(tuned, base, parts) if _is_layer(pair[1]))
    return base.family, base.variant, lora_math.extracted(pairs, spec.rank, count, told)


def _is_layer(name: str) -> bool:
    """Whether a weight belongs to a layer that a LoRA can change: not to a table of words or places."""
    return not name.startswith("embeddings.") and "position" not in name


def _recorded(
    spec: AdapterSpec,
    db: Database,
    home: Home,
    family: str,
    variant: str,
    sources: Sequence[Adapter],
    changes: Sequence[Change],
    share: lora_math.Resized | None,
) -> dict[str, Any]:
    """Write the new adapter in diffusers' layout, read it back, and record it."""
    slug = free_slug(db, "adapters", slugify(spec.name) or "adapter")
    path = home.adapters / f"{slug}.safetensors"
    trigger = ", ".join(dict.fromkeys(adapter.trigger for adapter in sources if adapter.trigger))
    header = {"format": "pt", "modelspec.architecture": PROFILES[family].modelspec, TRIGGER: trigger}
    tensors = lora_export.tensors_for(changes, family, "diffusers", slug)
    lora_export.write_lora(path, tensors, header, "diffusers")
    try:
        lora_export.proven(path, changes)
        facts = inspect_adapter(path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    bases = {adapter.base_id for adapter in sources}
    adapter = models.add_adapter(
        db, slug, family, home.relative(path),
        base_id=bases.pop() if len(bases) == 1 else None,
        trigger=trigger,
        facts=msgspec.to_builtins(facts) | ({"variant": variant} if variant else {}),
    )  # fmt: skip
    result: dict[str, Any] = {"adapter": adapter.slug, "rank": facts.rank, "layers": facts.modules}
    if share is not None:
        result["kept"] = {"least": share.least, "mean": share.mean}
    return result
