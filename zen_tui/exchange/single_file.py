"""A checkpoint in one file as a base: what it is, and where the models that it does not hold itself are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from zen_tui.exchange.blueprints import CHOICES, CONFIGS, Blueprint, Need, choose
from zen_tui.exchange.detect import is_lora
from zen_tui.exchange.diffusers_folder import defaults, read_json, shrink, works
from zen_tui.exchange.facts import BaseFacts, PartFacts
from zen_tui.exchange.pieces import Piece, find_pieces, read_pieces
from zen_tui.exchange.profiles import PROFILES
from zen_tui.exchange.safetensors_header import Header, read_header
from zen_tui.exchange.shards import is_later_shard
from zen_tui.library.errors import BadFile, Refused, WrongUse, ZenError
from zen_tui.library.text import clean

BESIDE = ("vae", "text_encoders", "text_encoder", "clip", "text_encoders_clip", "t5", "t5_encoder", "clip_embed")
"""Folders in which other tools keep the models that belong to a denoiser, in lower case."""
SHARED = "any"  # InvokeAI's folder of what belongs to models of several kinds
KEY = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""What newer InvokeAIs call the folder of a model, which lies beside those of all others."""
LOOK_UP = 4  # folders above the file in which those are looked for
STORED = ("F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2")  # formats that can be widened


def inspect_file(
    path: Path, *, vae: Path | None = None, texts: Sequence[Path] = (), variant: str | None = None
) -> BaseFacts:
    """Say what the checkpoint at `path` is and what completes it, from headers alone.

    Args:
        vae: a file with its VAE, instead of the one in the file or beside it.
        texts: files with text encoders, or folders with one, likewise.
        variant: which variant it is, where its tensors do not tell.

    Raises:
        BadFile: damaged, or something that belongs to it is missing; the sentence names the file needed.
        Refused: a model that Zen cannot run.
        WrongUse: the variant must be named, or a named file is not what it was named for.
    """
    header = read_header(path)
    pieces = find_pieces(path, header)
    denoiser = next((piece for piece in pieces if piece.role == "denoiser"), None)
    if denoiser is None:
        raise no_base(path, header, pieces)
    blueprint = _blueprint(path, denoiser, header, variant)
    given = [
        _given(file, role) for role, files in (("vae", [vae] if vae else []), ("text", texts)) for file in files
    ]
    found = [*given, *pieces]
    parts = {"": denoiser}
    beside: list[Piece] | None = None
    for sub, need in blueprint.needs.items():
        piece = _fitting(need, found)
        if piece is None:
            beside = pieces_beside(path) if beside is None else beside
            piece = _fitting(need, [one for one in beside if re.match(need.told_by, one.file.name.lower())])
        if piece is None:
            raise _missing(path, blueprint, sub, need)
        parts[sub] = piece
    unused = next((piece for piece in given if piece not in parts.values()), None)
    if unused is not None:
        raise WrongUse(f"{unused.file.name} holds {unused.title}, which {blueprint.title} does not use.")
    return _facts(blueprint, parts, header)


def pieces_beside(path: Path) -> list[Piece]:
    """The VAEs and text encoders in the folders beside `path` in which other tools keep them, best first."""
    folders = [path.parent]
    keyed = next((above.parent for above in path.parents if KEY.fullmatch(above.name)), None)
    for above in list(path.parents)[:LOOK_UP]:
        try:
            shared = sorted((above / SHARED).iterdir()) if (above / SHARED).is_dir() else []
            known = [one for one in [*sorted(above.iterdir()), *shared] if one.name.lower() in BESIDE]
            known += [one for one in sorted(above.iterdir()) if above == keyed and KEY.fullmatch(one.name)]
            folders += [one for one in known if one.is_dir()]
        except OSError:
            continue  # a folder above that may not be listed
    files = {file: None for folder in folders for file in _weights(folder) if file != path}
    return sorted(_readable(files), key=lambda piece: -piece.bytes)  # the one that keeps most of the numbers


def _weights(folder: Path) -> Iterable[Path]:
    yield from sorted(folder.glob("*.safetensors"))
    if folder.name.lower() in BESIDE or KEY.fullmatch(folder.name):
        yield from sorted(folder.glob("*/*.safetensors"))
        yield from sorted(folder.glob("*/*/*.safetensors"))


def _readable(files: Iterable[Path]) -> Iterable[Piece]:
    for file in files:
        if is_later_shard(file):
            continue
        try:
            found = read_pieces(file)
        except ZenError:
            continue  # a damaged neighbour is not what was asked for
        yield from (piece for piece in found if piece.role in ("vae", "text") and piece.precision in STORED)


def _given(file: Path, role: str) -> Piece:
    pieces = read_pieces(file.expanduser().absolute())
    piece = next((piece for piece in pieces if piece.role == role), None)
    if piece is None:
        title = next((one.title for one in pieces), "a model that Zen does not know")
        wanted = "a VAE" if role == "vae" else "a text encoder"
        raise WrongUse(f"{file.name} holds {title}, and not {wanted} that a family of Zen uses.")
    return piece


def _blueprint(path: Path, denoiser: Piece, header: Header, variant: str | None) -> Blueprint:
    if denoiser.precision not in STORED:
        raise Refused(
            f"{path.name} is {denoiser.title} with its numbers packed as {clean(denoiser.precision, 20)}.",
            "Zen reads fp32, fp16, bf16 and fp8; get one of those.",
        )
    hints = [header.metadata.get(name, "") for name in ("modelspec.architecture", "modelspec.title")]
    if denoiser.kind in ("sd2", "sdxl"):
        said = header.metadata.get("modelspec.prediction_type", "")
        marked = "v_pred" in header.tensors  # a tensor without meaning that such checkpoints carry
        hints = ["v_pred" if marked or said.startswith("v") else "epsilon" if said else ""]
    chosen = choose(denoiser.kind, [*hints, path.stem], variant)
    if isinstance(chosen, list):
        options = " or ".join(f"--variant {option}" for option in chosen)
        raise WrongUse(f"{path.name} is {denoiser.title}, but its tensors do not tell which.", f"Add {options}.")
    if variant and denoiser.kind not in CHOICES and variant != chosen.variant:
        raise WrongUse(f"{path.name} is {chosen.title}; it has no variant {clean(variant, 40)}.")
    return chosen


def _fitting(need: Need, pieces: Iterable[Piece]) -> Piece | None:
    return next((piece for piece in pieces if piece.kind in need.kinds), None)


def _missing(path: Path, blueprint: Blueprint, sub: str, need: Need) -> BadFile:
    place, option = ("vae", "--vae") if sub == "vae" else ("text_encoders", "--text")
    return BadFile(
        f"{path.name} is {blueprint.title}, and {need.title} is not with it.",
        f"Put {need.usually} into a folder called {place} beside it, or name the file with {option}.",
    )


def no_base(path: Path, header: Header, pieces: Sequence[Piece]) -> ZenError:
    """Why the file at `path` is no base, in a sentence."""
    if is_lora(header.tensors):
        return Refused(f"{path.name} is a LoRA, not a base.", "Bring it in with `zen adapters import`.")
    if _embedding(header):
        return Refused(
            f"{path.name} is a textual inversion, not a base.", "Bring it in with `zen adapters import`."
        )
    useful = next((piece for piece in pieces if piece.role), None)
    if useful is not None:
        option = "--vae" if useful.role == "vae" else "--text"
        return Refused(
            f"{path.name} is {useful.title}, not a base.",
            f"Name it with {option} when you add the base it is for.",
        )
    if pieces:
        return Refused(f"{path.name} is {pieces[0].title}, which is not supported.", works())
    return Refused(f"{path.name} is a model that Zen does not know.", works())


def _embedding(header: Header) -> bool:
    return len(header.tensors) <= 4 and bool(header.tensors.keys() & {"emb_params", "clip_l", "clip_g"})


def _facts(blueprint: Blueprint, pieces: dict[str, Piece], header: Header) -> BaseFacts:
    profile = PROFILES[blueprint.family]
    known = profile.variant(blueprint.variant)
    configs = {profile.denoiser: blueprint.config, **{sub: need.config for sub, need in blueprint.needs.items()}}
    found = {profile.denoiser: pieces[""], **{sub: pieces[sub] for sub in blueprint.needs}}
    denoiser, vae = (read_json(CONFIGS / configs[sub] / "config.json") for sub in (profile.denoiser, profile.vae))
    resolution = denoiser["sample_size"] * shrink(vae) if "sample_size" in denoiser else profile.resolution
    context = ("cross_attention_dim", "joint_attention_dim", "cap_feat_dim")
    return BaseFacts(
        family=blueprint.family,
        variant=blueprint.variant,
        resolution=resolution,
        multiple=shrink(vae) * profile.patch,
        parameters={sub: piece.parameters for sub, piece in found.items()},
        bytes=sum(piece.bytes for piece in found.values()),
        prediction_type=blueprint.prediction_type,
        token_limit=profile.token_limit,
        context=next(int(denoiser[name]) for name in context if name in denoiser),
        title=blueprint.title,
        licence=clean(header.metadata.get("modelspec.license", ""), 120) or known.licence,
        defaults=defaults(profile, known, resolution),
        layout="original",
        precision=pieces[""].precision.lower(),
        parts={
            sub: PartFacts(
                config=configs[sub],
                files=[str(file) for file in (piece.file, *piece.more)],
                layout=piece.layout,
                prefix=piece.prefix,
            )
            for sub, piece in found.items()
        },
        settings={"scheduler": blueprint.scheduler, **blueprint.tokenizers},
    )
