"""A header is believed only as far as the file bears it out."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zen_tui.exchange.safetensors_header import read_header
from zen_tui.library.errors import BadFile


def write(path: Path, header: Any, data: bytes) -> Path:
    raw = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(raw)) + raw + data)
    return path


GOOD = {"a.weight": {"dtype": "F16", "shape": [2, 3], "data_offsets": [0, 12]}, "__metadata__": {"k": "v"}}


def test_a_header_is_read(tmp_path: Path) -> None:
    header = read_header(write(tmp_path / "a.safetensors", GOOD, bytes(12)))
    assert (header.parameters, header.metadata) == (6, {"k": "v"})
    assert header.tensors["a.weight"].shape == (2, 3)


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ({"dtype": "F16", "shape": [2, 3], "data_offsets": [0, 14]}, "the end is missing"),
        ({"dtype": "F16", "shape": [2, 4], "data_offsets": [0, 12]}, "contradicts itself"),
        ({"dtype": "F16", "shape": [-1, 3], "data_offsets": [0, 12]}, "contradicts itself"),
        ({"dtype": "PICKLE", "shape": [12], "data_offsets": [0, 12]}, "contradicts itself"),
        ({"dtype": "F16", "shape": [2, 3], "data_offsets": [12, 0]}, "contradicts itself"),
        ({"dtype": "F16", "shape": "two"}, "not that of a safetensors file"),
        ([1, 2], "not that of a safetensors file"),
    ],
)
def test_a_header_that_lies_is_refused(tmp_path: Path, entry: Any, sentence: str) -> None:
    with pytest.raises(BadFile, match=sentence):
        read_header(write(tmp_path / "bad.safetensors", {"a": entry}, bytes(12)))


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(cut=st.integers(0, 400), noise=st.binary(max_size=40), at=st.integers(0, 120))
def test_a_damaged_file_never_does_worse_than_a_refusal(tmp_path: Path, cut: int, noise: bytes, at: int) -> None:
    whole = write(tmp_path / "x.safetensors", GOOD, bytes(12)).read_bytes()
    spoiled = whole[:at] + noise + whole[at + len(noise) :]
    (tmp_path / "x.safetensors").write_bytes(spoiled[: len(spoiled) - cut] if cut else spoiled)
    try:
        header = read_header(tmp_path / "x.safetensors")
    except BadFile:
        return
    assert all(info.data_offsets[1] <= len(whole) for info in header.tensors.values())
