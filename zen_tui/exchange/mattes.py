"""Models that cut a subject out of a photo: which kind lies at a path, told without loading it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from zen_tui.exchange.diffusers_folder import read_json
from zen_tui.exchange.onnx_file import read_onnx
from zen_tui.exchange.safetensors_header import read_header
from zen_tui.exchange.source import PICKLES, SAFETENSORS_ONLY
from zen_tui.library.errors import BadFile, NotFound, Refused
from zen_tui.library.text import clean, shown

MatteKind = Literal["u2net", "isnet", "birefnet"]

TITLES: dict[MatteKind, str] = {"u2net": "U²-Net", "isnet": "IS-Net", "birefnet": "BiRefNet"}
U2NET_SIDE = 320  # pixels
WIDEST = 2048  # pixels; no matte reads more
WEIGHTS = "model.safetensors"
BIREFNET_MARK = "decoder.decoder_block4.conv_in.weight"


class Matte(msgspec.Struct, frozen=True):
    """A matte's file. It reads photos of `side` pixels, whatever their shape was."""

    kind: MatteKind
    file: Path
    side: int

    @property
    def title(self) -> str:
        return TITLES[self.kind]


def works() -> str:
    """The mattes that can be used, as a sentence."""
    return "Zen makes masks with U²-Net, u2netp, silueta or IS-Net as an .onnx file, or with a BiRefNet folder."


def inspect_matte(path: Path) -> Matte:
    """Say which matte lies at `path`, an .onnx file or a folder with one model in it.

    Raises:
        NotFound: nothing is there.
        BadFile: it is damaged, or a folder without a model.
        Refused: a pickle, or a model that Zen cannot run.
    """
    if not path.exists():
        raise NotFound(f"There is no file or folder {shown(path)}.", works())
    if path.is_dir():
        return _folder(path)
    suffix = path.suffix.lower()
    if suffix == ".onnx":
        return _onnx(path)
    if suffix == ".safetensors":
        return _birefnet(path)
    if suffix in PICKLES:
        raise Refused(f"{shown(path.name)} is a pickle.", f"{SAFETENSORS_ONLY} {works()}")
    raise Refused(f"{shown(path.name)} is no model that Zen knows.", works())


def _folder(folder: Path) -> Matte:
    if (folder / WEIGHTS).is_file():
        return _birefnet(folder / WEIGHTS)
    found = sorted(folder.glob("*.onnx"))
    if len(found) == 1:
        return _onnx(found[0])
    if found:
        raise BadFile(f"There are several models in {shown(folder)}.", "Name one .onnx file.")
    pickle = next((file.name for file in sorted(folder.iterdir()) if file.suffix.lower() in PICKLES), None)
    if pickle:
        raise Refused(
            f"The weights in {shown(folder)} are a pickle, {clean(pickle, 60)}.",
            f"{SAFETENSORS_ONLY} Get the folder's {WEIGHTS} instead.",
        )
    raise BadFile(f"There is no model in {shown(folder)}.", works())


def _onnx(path: Path) -> Matte:
    graph = read_onnx(path)
    sizes = next(iter(graph.inputs.values()), ())
    if len(graph.inputs) != 1 or len(sizes) != 4 or sizes[1] not in (0, 3):
        raise Refused(f"{shown(path.name)} does not read one photo and nothing else.", works())
    height, width = sizes[2] or U2NET_SIDE, sizes[3] or U2NET_SIDE
    if height != width or not 32 <= height <= WIDEST:
        raise Refused(
            f"{shown(path.name)} reads photos of {height} × {width} pixels, which no matte does.", works()
        )
    return Matte("isnet" if height == 1024 else "u2net", path, height)


def _birefnet(path: Path) -> Matte:
    config = path.with_name("config.json")
    named = str(read_json(config).get("architectures", "")) if config.is_file() else ""
    if BIREFNET_MARK in read_header(path).tensors:
        return Matte("birefnet", path, 1024)
    what = clean(named.strip("[]'"), 60)
    raise Refused(f"{shown(path)} holds no matte that Zen knows{f' ({what})' if what else ''}.", works())
