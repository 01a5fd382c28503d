"""A training as a file: what is written reads back the same, and what is misspelt is told with its line."""

from __future__ import annotations

import tomllib
from typing import Any, Literal, get_args, get_origin

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zen_tui.library.errors import WrongUse
from zen_tui.library.run_files import decode, encode
from zen_tui.library.specs import TrainSettings
from zen_tui.library.train_settings import train_settings

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


def _values(field: msgspec.structs.FieldInfo) -> st.SearchStrategy[Any]:
    """Any value that a setting may have."""
    if get_origin(field.type) is Literal:
        return st.sampled_from(get_args(field.type))
    if field.type is bool:
        return st.booleans()
    if field.type is int:
        return st.integers(*map(int, TrainSettings.RANGES[field.name]))
    if field.type is float:
        return st.floats(*TrainSettings.RANGES[field.name], allow_nan=False)
    if field.name == "layer_structure":
        return st.lists(st.integers(1, 4), max_size=3).map(lambda inner: ",".join(map(str, [1, *inner, 1])))
    if field.type is str:
        return WORDS
    assert field.type == tuple[str, ...], f"no values are known for {field.name}"
    return st.lists(WORDS, max_size=4).map(tuple)


SETTINGS = st.builds(TrainSettings, **{f.name: _values(f) for f in msgspec.structs.fields(TrainSettings)})


@given(SETTINGS, WORDS, st.integers(1, 10**9))
def test_every_setting_reads_back_exactly(settings: TrainSettings, name: str, step: int) -> None:
    text = encode(settings, {"dataset": name, "base": name, "name": None, "photos": 12}, (name, step))

    found = decode(text, "run.toml")

    assert train_settings({}, found.settings) == settings
    assert train_settings({"steps": 7, "alpha": 3.0, "optimizer": "prodigy"}, found.settings) == settings
    assert (found.dataset, found.base, found.name, found.run, found.step) == (name, name, None, name, step)
    assert encode(train_settings({}, found.settings), {"dataset": name}) == encode(settings, {"dataset": name})
    assert set(tomllib.loads(text)["settings"]) == set(TrainSettings.__struct_fields__)


def test_what_a_person_writes_by_hand_is_enough() -> None:
    found = decode('# mine\ndataset = "mara"\n\n[settings]\nrank = 8\nflip = "yes"\n"steps" = "300"\n', "a.toml")
    assert (found.dataset, found.base) == ("mara", None)
    settings = train_settings({"alpha": 16.0}, found.settings)
    assert (settings.rank, settings.alpha, settings.flip, settings.steps) == (8, 8.0, True, 300)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[settings]\nsteps = 5\n\nlerning_rate = 1e-4", "line 4: there is no setting called lerning_rate."),
        ("[settings]\nlerning_rate = 1e-4", "Did you mean learning_rate?"),
        ('datset = "mara"', "line 1: there is no key called datset. Did you mean dataset?"),
        ("\nrank = 8", "line 2: there is no key called rank at the top. Settings stand under [settings]."),
        ("settings.rnak = 8", "line 1: there is no setting called rnak. Did you mean rank?"),
        ("[settings]\nrank = 0", "line 2: A setting does not fit: rank must be between 1 and 1024"),
        ("[settings]\nsteps = 9\nrank = [8]", "line 3: A setting does not fit: rank"),
        ("[settings]\nlr_schedule = 'cosin'", "line 2: A setting does not fit: lr_schedule"),
        ("[settings]\nalpha = nan", "line 2: A setting does not fit: alpha"),
        ("dataset = 5", "line 1: dataset is a name in quotes"),
        ("settings = 5", "line 1: settings is a table"),
        ("[[settings]]\nrank = 8", "line 1: settings is a table"),
        ("[from]\nrun = 'mara'", "[from] names a run and a step"),
        ("[from]\nstep = 5", "[from] names a run and a step"),
        ("[from]\nrun = 'mara'\nstep = true", "[from] names a run and a step"),
        ("[form]\nrun = 'mara'", "line 1: there is no key called form. Did you mean from?"),
        ("[settings]\nrank = ", "is not TOML: Invalid value (at end of document)"),
        ("[settings]\nrank = 8\nrank = 9\n", "is not TOML: Cannot overwrite a value (at line 3"),
        ("a = " + "[" * 100_000, "is nested too deeply"),
        ('"\\u001b[31m" = 1', "there is no key called [31m."),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, said: str) -> None:
    with pytest.raises(WrongUse) as told:
        decode(text, "mara.toml")
    assert said in str(told.value)
    assert str(told.value).startswith("mara.toml")
    assert str(told.value).isprintable()
