"""What a method will learn on a base, told before it starts, from the headers of files and without torch."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from zen_tui.exchange.base_layers import layers_of, tensors_of
from zen_tui.exchange.embeddings import ARCHITECTURES, width_of
from zen_tui.exchange.hypernetworks import inputs_of, places_in, sizes, structure_of
from zen_tui.exchange.layers import DEFAULT_TARGETS, denoiser_size, lora_size, text_size
from zen_tui.exchange.profiles import PROFILES
from zen_tui.exchange.source import source_of
from zen_tui.library.errors import Refused, WrongUse
from zen_tui.library.records import Base
from zen_tui.library.specs import TrainSettings
from zen_tui.library.text import plural
from zen_tui.training.methods import METHODS

KINDS = {"lora": "LoRA", "rslora": "rank-stabilised LoRA", "dora": "DoRA", "lokr": "LoKr"}
"""What the kinds of LoRA are called, by the setting `lora`."""
ADDED = 4  # calls beside each layer by a LoRA or a hypernetwork: two products, what lies between, and a sum


@dataclass(frozen=True)
class Outline:
    """`numbers` that learn, `words` for what they are, and what the rate is multiplied by, in `why`.

    `calls` are how many more layers a step calls, as far as the time goes that each takes however small it is.
    `reads` says that the text encoders stay in memory, because they or a word learn.
    """

    numbers: int
    words: str
    strength: float = 1.0
    why: str = ""
    reads: bool = False
    calls: int = 0


def targets_of(base: Base) -> str:
    """Which layers learn: what the base recommends."""
    return str(base.facts.get("defaults", {}).get("train", {}).get("targets", DEFAULT_TARGETS))


def outline(method: str, base: Base, settings: TrainSettings) -> Outline:
    """What `method` would learn on `base`.

    Raises:
        BadFile: a file of the base is gone or damaged.
        Refused: there is nothing in the base for it to act on.
    """
    made = {
        "lora": _lora,
        "embedding": _embedding,
        "pivotal": _pivotal,
        "hypernetwork": _hypernetwork,
        "dreambooth": _dreambooth,
    }
    return made[method](base, settings)


def strength_of(settings: TrainSettings) -> float:
    """What a LoRA's change is multiplied by: alpha / rank, or alpha / √rank where it is rank-stabilised."""
    return settings.alpha / (math.sqrt(settings.rank) if settings.lora == "rslora" else settings.rank)


def require_sense(method: str, base: Base, settings: TrainSettings) -> None:
    """Raise `WrongUse` when a method is not for `base`, or its settings contradict each other."""
    if METHODS[method].with_word and base.family not in ARCHITECTURES:
        titles = " and ".join(PROFILES[family].title for family in ARCHITECTURES)
        raise WrongUse(
            f"{base.slug} has a text encoder for which Zen learns no words: embeddings are for {titles}.",
            "Train a LoRA: its captions can have any token.",
        )
    if method == "dreambooth" and settings.quantize not in ("auto", "none"):
        raise WrongUse("A base whose weights are rounded cannot learn as a whole.", "Set quantize to none.")
    if method == "pivotal" and settings.lora_from > settings.embedding_until:
        raise WrongUse(
            "Nothing would learn between embedding_until and lora_from.",
            f"Set lora_from to {settings.embedding_until:g} or less.",
        )
    if METHODS[method].ranked and settings.lora_plus != 1 and settings.lora == "lokr":
        raise WrongUse("lora_plus is for kinds of LoRA with two matrices, and lokr is none.", "Set it to 1.")
    if method == "hypernetwork":
        structure_of(settings.layer_structure)
    if settings.text_encoder_lr and base.family not in ARCHITECTURES:
        raise WrongUse(
            f"text_encoder_lr is for bases that read with CLIP alone, and {base.slug} does not.", "Set it to 0."
        )
    apart = [
        *(["lora_plus"] if settings.lora_plus != 1 else []),
        *(["text_encoder_lr"] if settings.text_encoder_lr not in (0, 1) else []),
        *(["embedding_lr"] if method == "pivotal" and settings.embedding_lr != 1 else []),
    ]
    if apart and settings.optimizer == "prodigy":
        raise WrongUse(
            "Prodigy finds one rate for all that learns.", f"Set {apart[0]} to 1, or another optimizer."
        )


def _lora(base: Base, settings: TrainSettings) -> Outline:
    source = source_of(base)
    layers, numbers = lora_size(source, base.family, targets_of(base), settings.rank, settings.lora)
    root = "√rank" if settings.lora == "rslora" else "rank"
    words = f"{layers} layers, {KINDS[settings.lora]} of rank {settings.rank}"
    if settings.lora_plus != 1:
        words += f", its second matrices {settings.lora_plus:g} times as fast"
    if settings.text_encoder_lr:
        text_layers, text_numbers = text_size(source, base.family, settings.rank, settings.lora)
        words += f", and {text_layers} of the text at {settings.text_encoder_lr:g} times the rate"
        numbers += text_numbers
    return Outline(
        numbers, words, strength_of(settings), f"alpha / {root}", bool(settings.text_encoder_lr), ADDED * layers
    )


def bends_in_words(places: Mapping[str, int], settings: TrainSettings) -> str:
    """What a hypernetwork with a network for each of `places` is, for a person."""
    widths = len(set(places.values()))
    each = f"a pair for each of {plural(widths, 'width')}" if settings.hypernet == "width" else "one a layer"
    return f"{len(places)} networks for keys and values, {each}, {settings.layer_structure} {settings.activation}"


def _hypernetwork(base: Base, settings: TrainSettings) -> Outline:
    places = places_in(inputs_of(source_of(base), base.family), settings.hypernet)
    if not places:
        raise Refused(f"No layer of {base.slug} makes keys or values alone.", "Train a LoRA on it.")
    structure = structure_of(settings.layer_structure)
    numbers = sum(
        inputs * outputs + outputs
        for width in places.values()
        for inputs, outputs in pairwise(sizes(width, structure))
    )
    everywhere = places_in(inputs_of(source_of(base), base.family), "layer")
    return Outline(numbers, bends_in_words(places, settings), calls=ADDED * len(everywhere))


def tuned(name: str, family: str, learns: str) -> bool:
    """Whether the denoiser's weight `name` learns by DreamBooth; `learns` is the setting."""
    layer, _, what = name.rpartition(".")
    return learns == "all" or (what == "weight" and bool(re.fullmatch(PROFILES[family].targets["attn"], layer)))


def _dreambooth(base: Base, settings: TrainSettings) -> Outline:
    source = source_of(base)
    if settings.learns == "all":
        tensors = len(tensors_of(source.parts[PROFILES[base.family].denoiser]))
        return Outline(denoiser_size(source, base.family), "all of the denoiser", calls=tensors)
    denoiser = PROFILES[base.family].denoiser
    layers = layers_of(source, base.family, (denoiser,))[denoiser]
    mine = [size for layer, size in layers.items() if tuned(f"{layer}.weight", base.family, settings.learns)]
    words = f"the {len(mine)} matrices of the denoiser's attention"
    return Outline(sum(map(math.prod, mine)), words, calls=len(mine))


def _embedding(base: Base, settings: TrainSettings) -> Outline:
    source = source_of(base)
    widths = [width_of(source, sub) for sub in PROFILES[base.family].text_encoders]
    words = f"{plural(settings.vectors, 'vector')} for the token"
    if len(widths) > 1:
        words += f", in each of {len(widths)} text encoders"
    return Outline(settings.vectors * sum(widths), words, reads=True)


def _pivotal(base: Base, settings: TrainSettings) -> Outline:
    layers, word = _lora(base, settings), _embedding(base, settings)
    words = f"{layers.words}, and {word.words} at {settings.embedding_lr:g} times the rate"
    if settings.lora_from:
        words += f", the word alone for the first {settings.lora_from:.0%} of the steps"
    if settings.embedding_until < 1:
        words += f", the LoRA alone after {settings.embedding_until:.0%}"
    return replace(layers, numbers=layers.numbers + word.numbers, words=words, reads=True)
