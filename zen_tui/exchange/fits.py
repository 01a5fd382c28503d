"""Whether an adapter of any kind fits a base, and what it would change there; told from headers alone."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from zen_tui.exchange import differences, embeddings, hypernetworks
from zen_tui.exchange.lora_match import Match, few, match_base, misfit_text
from zen_tui.exchange.profiles import PROFILES
from zen_tui.exchange.safetensors_header import read_header
from zen_tui.exchange.source import source_of
from zen_tui.library.errors import Refused
from zen_tui.library.records import Base
from zen_tui.library.text import plural


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """An adapter held against a base: of `total` pieces what `match` says, and `text` for a person."""

    match: Match
    total: int
    text: str
    ok: bool


def hold_against(path: Path, name: str, base: Base) -> Held:
    """Hold the adapter at `path`, called `name`, against `base`.

    Raises:
        BadFile: the adapter or the base is damaged.
    """
    header = read_header(path)
    if word := embeddings.recognise(header):
        return _embedding(word, name, base)
    if network := hypernetworks.recognise(header):
        return _hypernetwork(network, name, base)
    if whole := differences.recognise(header):
        return _difference(whole, differences.match(whole, header, source_of(base)), name, base)
    layout, found = match_base(path, base)
    total = len(layout.pieces)
    if not found.whole:
        return Held(match=found, total=total, text=misfit_text(name, layout, found, base.slug), ok=False)
    words = [(word, _embedding(word, f"The word {word.token}", base)) for word in embeddings.bundled(header)]
    if misfit := next((held for _, held in words if not held.ok), None):
        return Held(match=found, total=total, text=misfit.text, ok=False)
    also = [f"its word {word.token} becomes {plural(word.vectors, 'vector')}" for word, _ in words]
    return Held(match=found, total=total, text=" and ".join([f"all {total} layers fit", *also]), ok=True)


def require_fit(path: Path, base: Base) -> None:
    """Raise `Refused`, saying what does not fit, unless the whole adapter at `path` can act on `base`."""
    held = hold_against(path, path.stem, base)
    if not held.ok:
        raise Refused(held.text, "Use it with the base it was trained on.")


def _embedding(found: embeddings.Embedding, name: str, base: Base) -> Held:
    match = embeddings.match(found, source_of(base))
    total = found.vectors * len(found.widths)
    if found.family != base.family:
        return _stranger(match, total, name, found.family, base)
    if match.whole:
        where = " and ".join(f"the {part.part}" for part in match.parts)
        text = f"its word becomes {plural(found.vectors, 'vector')} for {where}"
    else:
        sub = next(part.part for part in match.parts if not part.fit)
        text = (
            f"{name} was made for another base than {base.slug}: its vectors have {found.widths[sub]} numbers, "
            f"and the {sub} of {base.slug} reads words of another size."
        )
    return Held(match=match, total=total, text=text, ok=match.whole)


def _hypernetwork(found: hypernetworks.Hypernetwork, name: str, base: Base) -> Held:
    total = len(found.places)
    if found.family != base.family:
        return _stranger(_nothing(found.places), total, name, found.family, base)
    match = hypernetworks.match(found, source_of(base))
    if match.whole:
        (part,) = match.parts
        text = f"all {total} networks fit, and bend {part.layers} keys and values of the {part.part}"
    else:
        text = (
            f"{name} was made for another base than {base.slug}: it bends "
            f"{hypernetworks.in_words(found, match.misfit)}, which no attention of {base.slug} takes."
        )
    return Held(match=match, total=total, text=text, ok=match.whole)


def _difference(found: differences.Difference, match: Match, name: str, base: Base) -> Held:
    total = match.parts[0].pieces
    if found.family != base.family:
        return _stranger(match, total, name, found.family, base)
    wrong = [*match.missing, *match.misfit]
    other = f"{name} was made for another base: {few(wrong)} differ."
    text = f"all {total} matrices fit" if match.whole else other
    return Held(match=match, total=total, text=text, ok=match.whole)


def _nothing(names: Iterable[str]) -> Match:
    """The match of an adapter of which a base can take nothing."""
    misfit = list(names)
    return Match(parts=[], applies=0, keys=len(misfit), missing=[], misfit=misfit, unknown=[])


def _stranger(match: Match, total: int, name: str, family: str, base: Base) -> Held:
    titles = PROFILES[family].title, PROFILES[base.family].title
    text = f"{name} is for {titles[0]}, and {base.slug} is {titles[1]}."
    return Held(match=match, total=total, text=text, ok=False)
