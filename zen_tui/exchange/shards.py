"""Models whose tensors are spread over several files, with an index beside them that names the file of each."""

from __future__ import annotations

from pathlib import Path

import msgspec

from zen_tui.exchange.safetensors_header import Header, read_header
from zen_tui.library.errors import BadFile
from zen_tui.library.text import clean

INDEX = ".safetensors.index.json"


class _Index(msgspec.Struct):
    weight_map: dict[str, str]


def shards_of(path: Path) -> tuple[Path, ...]:
    """The files of the model at `path`, which is one of them, their index, or a folder with one model in it.

    Raises:
        BadFile: the index is damaged, a file that it names is missing, or the folder holds no model or several.
    """
    if path.is_dir():
        found = list(path.glob("*.safetensors")) or list(path.glob("*/*.safetensors"))
        models = list(dict.fromkeys(shards_of(one) for one in sorted(found)))
        if len(models) != 1:
            what = "several models" if models else "no model"
            raise BadFile(f"There is {what} in {path}.", "Name one .safetensors file of the model that is meant.")
        return models[0]
    if path.name.endswith(INDEX):
        return _named(path)
    for index in sorted(path.parent.glob(f"*{INDEX}")):
        files = _named(index)
        if path in files:
            return files
    return (path,)


def read_headers(files: tuple[Path, ...]) -> Header:
    """The headers of all `files` as one. Raises `BadFile` as `read_header` does."""
    headers = [read_header(file) for file in files]
    tensors = {key: tensor for header in headers for key, tensor in header.tensors.items()}
    return Header(tensors, headers[0].metadata)


def is_later_shard(path: Path) -> bool:
    """Whether `path` is one of the further files of a model; the first stands for all."""
    try:
        return shards_of(path)[0] != path
    except BadFile:
        return False


def _named(index: Path) -> tuple[Path, ...]:
    """The files that `index` names, all of which lie beside it."""
    try:
        names = sorted(set(msgspec.json.decode(index.read_bytes(), type=_Index).weight_map.values()))
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        raise BadFile(f"{index} is damaged.", "Get the model again.") from None
    if not names:
        raise BadFile(f"{index} names no file.", "Get the model again.")
    for name in names:
        if Path(name).name != name or not (index.parent / name).is_file():
            what = f"The model in {index.parent} is not whole: {clean(name, 80)} is missing."
            raise BadFile(what, "Get it again.")
    return tuple(index.parent / name for name in names)
