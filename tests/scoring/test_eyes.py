"""Who is told apart by what, and what is said where nothing can."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import ImageOps

from tests.helpers import save
from tests.photos.pictures import cut, photograph
from zen_tui.library.paths import Home
from zen_tui.photos import faces
from zen_tui.scoring.eyes import FaceEyes, eyes_for


def test_a_face_is_known_again_in_another_picture_and_a_stranger_is_not(home: Home, tmp_path: Path) -> None:
    eyes, why = eyes_for(tmp_path / "readers", "person")
    assert isinstance(eyes, FaceEyes)
    assert (eyes.by, why) == ("faces", "")
    woman = photograph("astronaut")
    paths = [
        save(tmp_path / "a.png", woman),
        save(tmp_path / "b.png", cut(woman, 0.1, 0, 0.8, 0.6)),
        save(tmp_path / "rocket.png", photograph("rocket")),
    ]
    photos = [(path.stem, path) for path in paths]
    person = eyes.person(home, "collins", photos, {"a"})
    assert person is not None
    found = eyes.look([ImageOps.mirror(cut(woman, 0.2, 0, 0.7, 0.5)), photograph("hopper"), photograph("coffee")])
    assert found[0] is not None
    assert found[1] is not None
    assert float(found[0] @ person) > 0.6
    assert float(found[1] @ person) < 0.36
    assert found[2] is None
    assert eyes.person(home, "collins", photos, {"rocket"}) is None
    assert eyes.can_read("a photo of ohwx woman")
    assert not eyes.can_read("an oil painting of ohwx woman")


def test_what_cannot_tell_people_apart_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert eyes_for(tmp_path, "pet") == (None, "Identity is not judged: only people are told apart.")
    monkeypatch.setattr(faces, "finder", lambda: None)
    monkeypatch.setattr(faces, "missing", lambda: "Faces are not looked for, because …")
    assert eyes_for(tmp_path, "person") == (
        None,
        "Identity is not judged. Faces are not looked for, because …",
    )
