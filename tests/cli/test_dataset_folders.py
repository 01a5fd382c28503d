"""`zen datasets import` of what other tools keep: folders, descriptions, captions, repeats, and what is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.cli.conftest import Answer, Zen
from tests.helpers import colourful, save


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three photos: one with a caption in .txt, one with a .txt of two lines, one with none."""
    where = tmp_path / "photos"
    for number, name in enumerate(("beach", "garden", "city")):
        save(where / f"{name}.jpg", colourful(seed=number), quality=85)
    (where / "beach.txt").write_text("at the beach")
    (where / "garden.txt").write_text("in a garden\namong roses")
    return where


def shown(zen: Zen) -> dict[str, Any]:
    """What is said of the dataset."""
    found: dict[str, Any] = zen("datasets", "show", "mara", "--json").json()
    return found


def kept(zen: Zen) -> dict[str, dict[str, Any]]:
    """What is said of its photos, by name."""
    return {photo["name"]: photo for photo in shown(zen)["photos"]}


def captions(zen: Zen) -> dict[str, str]:
    return {name.partition(".")[0]: photo["caption"] for name, photo in kept(zen).items()}


def import_as_mara(zen: Zen, path: Path, *more: object) -> Answer:
    answer = zen("datasets", "import", path, "--name", "mara", "--json", *more)
    assert answer.code == 0, answer.err
    return answer


def notes(answer: Answer) -> str:
    found = answer.json()["notes"]
    assert all(isinstance(note, str) for note in found)
    return "\n".join(found)


# Folders


def test_a_kohya_folder_gives_repeats_subject_and_captions(zen: Zen, tmp_path: Path) -> None:
    root = tmp_path / "train"
    save(root / "10_ohwx woman" / "a.jpg", colourful(seed=1))
    save(root / "10_ohwx woman" / "b.jpg", colourful(seed=2))
    save(root / "3_ohwx woman" / "c.jpg", colourful(seed=3))
    (root / "10_ohwx woman" / "a.txt").write_text("ohwx woman at sea")
    (root / "10_ohwx woman" / "a.npz").write_bytes(b"cache")
    (root / "dataset.toml").write_text("[[datasets]]\n")

    answer = import_as_mara(zen, root)

    assert captions(zen) == {"a": "ohwx woman at sea", "b": "ohwx woman", "c": "ohwx woman"}
    assert [photo["repeats"] for photo in kept(zen).values()] == [10, 10, 3]
    mara = shown(zen)
    assert (mara["token"], mara["class"]) == ("ohwx", "woman")
    assert "1 .npz, 1 .toml" in notes(answer)
    assert "import that file instead" in notes(answer)


def test_what_was_asked_for_comes_before_what_the_folder_says(zen: Zen, tmp_path: Path) -> None:
    save(tmp_path / "10_ohwx woman" / "a.jpg", colourful())
    answer = import_as_mara(zen, tmp_path / "10_ohwx woman", "--token", "zwx", "--class", "lady")
    assert (shown(zen)["token"], shown(zen)["class"]) == ("zwx", "lady")
    assert "The photos come as “ohwx woman”; in mara the subject is called “zwx lady”." in notes(answer)


def test_masks_and_cards_for_control_are_no_photos(zen: Zen, folder: Path) -> None:
    save(folder / "beach-masklabel.png", Image.new("L", (640, 480), 255))
    save(folder / "beach-condlabel.png", Image.new("RGB", (640, 480)))
    import_as_mara(zen, folder)
    assert sorted(kept(zen)) == ["beach.jpg", "city.jpg", "garden.jpg"]


def test_caption_files_that_disagree_or_have_several_lines_are_told(zen: Zen, folder: Path) -> None:
    (folder / "beach.caption").write_text("something else")
    (folder / "city.caption").write_text("a city")
    answer = import_as_mara(zen, folder)
    assert captions(zen) == {"beach": "at the beach", "garden": "in a garden", "city": "a city"}
    assert "several caption files that differ; .txt was taken before .caption. (beach.jpg)" in notes(answer)
    assert "has several lines; the first was taken. (garden.jpg)" in notes(answer)


# kohya's TOML


def kohya(folder: Path, subset: str, dataset: str = "", general: str = "") -> Path:
    path = folder.parent / "dataset.toml"
    path.write_text(f"[general]\n{general}\n[[datasets]]\n{dataset}\n[[datasets.subsets]]\n{subset}\n")
    return path


def test_a_kohya_toml_is_read_as_sd_scripts_reads_it(zen: Zen, folder: Path) -> None:
    toml = kohya(
        folder,
        f"image_dir = '{folder}'\nclass_tokens = 'zwx lady'\nnum_repeats = 4\nflip_aug = true",
        dataset="caption_prefix = 'photo of'\nresolution = 512\nnum_repeats = 2",
        general="caption_extension = '.txt'\nkeep_tokens = 1\nspecial_sauce = 3",
    )
    answer = import_as_mara(zen, toml)
    assert captions(zen) == {
        "beach": "photo of at the beach", "garden": "photo of in a garden", "city": "zwx lady",
    }  # fmt: skip
    assert {photo["repeats"] for photo in kept(zen).values()} == {4}
    assert (shown(zen)["token"], shown(zen)["class"]) == ("zwx", "lady")
    assert "not taken over: flip_aug, keep_tokens, resolution." in notes(answer)
    assert "Not known, and left out: special_sauce." in notes(answer)
    assert "1 photo: The caption file has several lines" in notes(answer)


def test_kohyas_caption_trap_is_told(zen: Zen, folder: Path) -> None:
    answer = import_as_mara(zen, kohya(folder, f"image_dir = '{folder}'"))
    assert "caption_extension is .caption" in notes(answer)
    assert "kohya finds no captions there. Those in .txt were taken." in notes(answer)
    assert captions(zen)["beach"] == "at the beach"


def test_a_kohya_metadata_file_and_masks_elsewhere_come_along(zen: Zen, folder: Path) -> None:
    save(folder / "deeper" / "not-taken.jpg", colourful(seed=8))
    metadata = {"beach": {"caption": "a beach", "tags": "sea, sky"}, f"{folder}/city.jpg": {"tags": "city"}}
    (folder.parent / "meta.json").write_text(json.dumps(metadata))
    subset = "image_dir = 'photos'\nmetadata_file = 'meta.json'\ncaption_extension = '.txt'"
    import_as_mara(zen, kohya(folder, subset))
    assert captions(zen) == {"beach": "a beach, sea, sky", "garden": "in a garden", "city": "city"}


def test_folders_that_moved_are_found_beside_the_description(zen: Zen, folder: Path) -> None:
    reg = f"\n[[datasets.subsets]]\nimage_dir = '{folder}'\nis_reg = true"
    gone = "\n[[datasets.subsets]]\nimage_dir = '/data/elsewhere'"
    toml = kohya(folder, "image_dir = 'D:\\train\\photos'\ncaption_extension = 'txt'" + reg + gone)
    answer = import_as_mara(zen, toml)
    assert len(kept(zen)) == 3
    assert "regularisation images, which Zen makes by itself: left out" in notes(answer)
    assert "/data/elsewhere is not there and was left out." in notes(answer)


# ai-toolkit's YAML


def ai_toolkit(folder: Path, **values: Any) -> Path:
    path = folder.parent / "job.yaml"
    process = {
        "type": "sd_trainer",
        "trigger_word": "p3rson",
        "datasets": [{"folder_path": str(folder), **values}],
    }
    path.write_text(json.dumps({"job": "extension", "config": {"name": "x", "process": [process]}}))
    return path


def test_an_ai_toolkit_job_puts_the_trigger_where_it_would(zen: Zen, tmp_path: Path, folder: Path) -> None:
    (folder / "beach.txt").write_text("[trigger] at the beach")
    masks = folder.parent / "masks"
    save(masks / "beach.png", Image.new("L", (640, 480), 255))
    job = ai_toolkit(
        folder, caption_ext="txt", default_caption="photo of [trigger]", mask_path=str(masks), num_repeats=2,
        shuffle_tokens=False,
    )  # fmt: skip
    answer = import_as_mara(zen, job, "--class", "woman")
    assert captions(zen) == {
        "beach": "p3rson at the beach", "garden": "p3rson in a garden", "city": "photo of p3rson",
    }  # fmt: skip
    assert shown(zen)["token"] == "p3rson"
    assert {photo["repeats"] for photo in kept(zen).values()} == {2}
    assert "Not taken over: shuffle_tokens." in notes(answer)
    assert zen("datasets", "export", "mara", "--out", tmp_path / "out").code == 0
    (mask,) = (tmp_path / "out").glob("*-masklabel.png")
    assert "beach" in mask.name


# OneTrainer's concepts


def onetrainer(folder: Path, **values: Any) -> Path:
    path = folder.parent / "concepts.json"
    path.write_text(json.dumps([{"name": "mara", "path": str(folder), "enabled": True, **values}]))
    return path


def test_onetrainers_concepts_say_where_captions_are(zen: Zen, folder: Path) -> None:
    (folder.parent / "prompts.txt").write_text("ohwx woman, portrait\nanother\n")
    save(folder / "deeper" / "tower.jpg", colourful(seed=7))
    text = {"prompt_source": "concept", "prompt_path": "prompts.txt", "enable_tag_shuffling": True}
    concepts = onetrainer(folder, text=text, balancing=2.4, include_subdirectories=True, seed=5)
    answer = import_as_mara(zen, concepts)
    assert set(captions(zen).values()) == {"ohwx woman, portrait"}
    assert (len(kept(zen)), {photo["repeats"] for photo in kept(zen).values()}) == (4, {2})
    said = notes(answer)
    assert "2.4 repeats: 2 were taken" in said
    assert "2 prompts; the first was taken" in said
    assert "Not taken over: seed, text.enable_tag_shuffling." in said


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("filename", {"beach": "beach", "garden": "garden", "city": "city"}),
        ("sample", {"beach": "at the beach", "garden": "in a garden", "city": "a photo of ohwx person"}),
    ],
)
def test_onetrainers_captions_are_beside_the_photo_or_its_name(
    source: str, wanted: dict[str, str], zen: Zen, folder: Path
) -> None:
    save(folder / "deeper" / "tower.jpg", colourful(seed=7))
    concepts = onetrainer(folder, text={"prompt_source": source}, type="VALIDATION")
    import_as_mara(zen, concepts)
    assert captions(zen) == wanted
    assert {photo["split"] for photo in kept(zen).values()} == {"holdout"}


def test_concepts_for_other_ends_are_left_out(zen: Zen, folder: Path) -> None:
    for values in ({"enabled": False}, {"type": "PRIOR_PREDICTION"}):
        answer = zen("datasets", "import", onetrainer(folder, **values), "--name", "mara")
        assert answer.code == 1
        assert "names no folder of photos" in answer.err
        assert "left out." in answer.err


# What is none of these


@pytest.mark.parametrize(
    ("name", "text", "code", "said"),
    [
        ("a.toml", "steps = 3", 1, "describes no dataset"),
        ("a.toml", "datasets = 3", 1, "are written [[datasets]]"),
        ("a.toml", "[[datasets]]\n[[datasets.subsets]]\nimage_dir = 3", 1, "image_dir cannot be 3"),
        ("a.toml", "[[datasets]]\n[[datasets.subsets]]\nimage_dir = '/nowhere'", 3, "names /nowhere, and that"),
        ("a.toml", "\x00", 1, "is not TOML"),
        ("a.yaml", "job: x", 1, "is no ai-toolkit job"),
        ("a.yaml", "!!python/object/apply:os.system ['true']", 1, "is not YAML"),
        ("a.yaml", "[" * 1000, 1, "is not YAML"),
        ("a.json", "{}", 1, "holds no concepts of OneTrainer"),
        ("a.json", "[3]", 1, "holds no concepts of OneTrainer"),
        ("a.json", "{", 1, "is not JSON"),
    ],
)
def test_descriptions_of_something_else_are_refused(
    name: str, text: str, code: int, said: str, zen: Zen, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(text)
    answer = zen("datasets", "import", tmp_path / name, "--name", "mara")
    assert answer.code == code
    assert said in answer.err
    assert zen("datasets", "list", "--json").json() == []


def test_a_description_cannot_write_on_the_terminal(zen: Zen, folder: Path) -> None:
    answer = zen("datasets", "import", onetrainer(folder, **{"evil\x1b[2J": 1}), "--name", "mara")
    assert "\x1b" not in answer.err + answer.out
    assert "evil[2J" in answer.err
