"""What is told before anything waits: wrong names, too few photos, sizes and adapters that do not fit."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.tiny import TinyFolder
from zen_tui.exchange.bases import add_base
from zen_tui.generation.fit import Machine
from zen_tui.jobs import queue, submit
from zen_tui.library import datasets, models
from zen_tui.library.database import Database
from zen_tui.library.errors import BadFile, NotFound, Refused, WrongUse, ZenError
from zen_tui.library.mannequin_specs import MannequinPhotosSpec, MannequinScoreSpec
from zen_tui.library.paths import Home
from zen_tui.library.records import Base, Dataset
from zen_tui.library.specs import AdapterUse, GenerateSpec, PictureRequest, TrainSpec
from zen_tui.photos.intake import import_photos

REQUEST = PictureRequest(prompt="a photo of a woman", width=64, height=64)


@pytest.fixture
def base(db: Database, home: Home, tiny_base: Path) -> Base:
    return add_base(db, home, tiny_base, "tiny")


@pytest.fixture
def mara(db: Database, home: Home, photo_folder: Path) -> Dataset:
    """A dataset of six photos."""
    made = datasets.add_dataset(db, "mara", "ohwx", "woman", "person")
    import_photos(db, home, made, [photo_folder])
    return datasets.dataset(db, "mara")


def train(db: Database, home: Home, dataset: Dataset, base: Base, **chosen: Any) -> submit.Submitted:
    return submit.submit_training(db, home, dataset, base, chosen=chosen)


def test_a_training_is_a_run_a_job_and_a_plan(db: Database, home: Home, mara: Dataset, base: Base) -> None:
    submitted = train(db, home, mara, base, steps="40", rank="4")
    assert (submitted.run.slug, submitted.run.steps, submitted.job.kind) == ("mara", 40, "train")
    assert submitted.plan.photos + submitted.plan.held_out == 6
    spec = queue.spec_of(home, submitted.job.id)
    assert isinstance(spec, TrainSpec)
    assert (spec.run, spec.name, spec.dataset, spec.base) == (submitted.run.id, "mara", "mara", "tiny")
    assert (spec.settings.steps, spec.settings.rank, spec.settings.alpha) == (40, 4, 4)
    stored = models.run(db, "mara")
    assert stored.job_id == submitted.job.id
    assert msgspec.convert(stored.spec, TrainSpec) == spec
    assert train(db, home, mara, base).run.slug == "mara-2"


def test_a_plan_queues_nothing(db: Database, home: Home, mara: Dataset, base: Base) -> None:
    plan = submit.plan_training(db, home, mara, base, chosen={"steps": 40})
    assert plan.steps == 40
    assert queue.jobs(db) == []
    assert models.runs(db) == []


def test_a_run_is_never_called_as_an_adapter_is(db: Database, home: Home, mara: Dataset, base: Base) -> None:
    models.add_adapter(db, "mara", "sd15", "adapters/mara.safetensors")
    assert train(db, home, mara, base).run.slug == "mara-2"


@pytest.mark.parametrize(
    ("wish", "error", "sentence"),
    [
        ({"chosen": {"step": 5}}, WrongUse, "no setting called step. Did you mean steps"),
        ({"chosen": {"rank": "many"}}, WrongUse, "rank"),
        ({"chosen": {"resolution": 66}}, Refused, "66x66"),
        ({"chosen": {"resolution": 1024}}, Refused, "made for pictures of 64 pixels"),
        ({"chosen": {}, "method": "lore"}, WrongUse, "no method called lore. Did you mean lora"),
        ({"chosen": {}, "preset": "fase"}, WrongUse, "Did you mean face"),
        ({"chosen": {}, "name": "!!"}, WrongUse, "no letters or digits"),
    ],
)
def test_what_cannot_be_trained_is_told_at_once(
    db: Database, home: Home, mara: Dataset, base: Base, wish: dict[str, Any], error: type[ZenError], sentence: str
) -> None:
    with pytest.raises(error) as told:
        submit.submit_training(db, home, mara, base, **wish)
    assert sentence in str(told.value)
    assert queue.jobs(db) == []
    assert models.runs(db) == []


def test_too_few_photos_are_refused_and_can_be_insisted_on(
    db: Database, home: Home, mara: Dataset, base: Base
) -> None:
    photos = [photo.id for photo in datasets.photos(db, mara.id)]
    datasets.set_split(db, photos, "out")
    with pytest.raises(Refused, match="All 6 photos of mara are marked out"):
        train(db, home, mara, base)
    datasets.set_split(db, photos[:1], "train")
    with pytest.raises(Refused, match="mara has 1 photo; to learn a subject takes at least 5"):
        train(db, home, mara, base)
    assert train(db, home, mara, base, allow_few_photos="true").plan.photos == 1
    empty = datasets.add_dataset(db, "empty", "ohwx", "woman", "person")
    with pytest.raises(Refused, match="empty has no photos"):
        train(db, home, empty, base)


def test_a_split_that_leaves_nothing_to_learn_from_is_refused(
    db: Database, home: Home, mara: Dataset, base: Base
) -> None:
    datasets.set_split(db, [photo.id for photo in datasets.photos(db, mara.id)], "holdout")
    with pytest.raises(Refused, match="All photos of mara are held out"):
        train(db, home, mara, base)
    assert train(db, home, mara, base, holdout=0).plan.photos == 6


def test_a_base_whose_folder_is_gone_is_told(db: Database, home: Home, mara: Dataset, tiny_base: Path) -> None:
    moved = Path(shutil.copytree(tiny_base, home.root / "moved"))
    base = add_base(db, home, moved, "moved")
    shutil.rmtree(moved)
    with pytest.raises(BadFile, match="base moved is gone"):
        train(db, home, mara, base)
    with pytest.raises(BadFile, match="base moved is gone"):
        submit.submit_generation(db, home, requests=[REQUEST])


def test_pictures_are_queued_with_the_base_of_their_adapter(db: Database, home: Home, base: Base) -> None:
    _adapter(db, home, base)
    other = models.add_base(db, "other", "sd15", "", base.path, base.facts)
    job = submit.submit_generation(db, home, adapters=[AdapterUse("mara", 0.8)], requests=[REQUEST], out="copies")
    spec = queue.spec_of(home, job.id)
    assert isinstance(spec, GenerateSpec)
    assert (spec.base, spec.adapters, spec.pictures) == ("tiny", (AdapterUse("mara", 0.8),), (REQUEST,))
    assert spec.out == str(Path("copies").absolute())
    assert job.title == "1 picture with mara"
    assert other.slug == "other"


def _adapter(db: Database, home: Home, base: Base | None, family: str = "sd15") -> None:
    path = home.adapters / "mara.safetensors"
    path.write_bytes(b"not looked at here")
    models.add_adapter(db, "mara", family, home.relative(path), base_id=base.id if base else None)


def test_pictures_that_cannot_be_made_are_told_at_once(db: Database, home: Home, base: Base) -> None:
    def ask(error: type[ZenError], sentence: str, request: PictureRequest = REQUEST, **wish: Any) -> None:
        with pytest.raises(error) as told:
            submit.submit_generation(db, home, requests=[request], **wish)
        assert sentence in str(told.value)

    _adapter(db, home, base)
    ask(NotFound, "no adapter called mare. Did you mean mara", adapters=[AdapterUse("mare")])
    ask(NotFound, "no base called tony. Did you mean tiny", base="tony")
    ask(WrongUse, "nan is no weight", adapters=[AdapterUse("mara", float("nan"))])
    ask(WrongUse, "named twice", adapters=[AdapterUse("mara"), AdapterUse("mara", 0.5)])
    ask(Refused, "nearest size that works is 64x68", msgspec.structs.replace(REQUEST, height=69))
    ask(Refused, "nearest size that works is 256x64", msgspec.structs.replace(REQUEST, width=2048))
    misspelled = msgspec.structs.replace(REQUEST, scheduler="eular")
    ask(WrongUse, "no scheduler called eular. Did you mean euler?", misspelled)
    (home.adapters / "mara.safetensors").unlink()
    ask(BadFile, "file of the adapter mara is gone", adapters=[AdapterUse("mara")])
    with pytest.raises(WrongUse, match="There is no prompt"):
        submit.submit_generation(db, home, requests=[])
    assert queue.jobs(db) == []


def test_a_flow_draws_with_the_schedulers_of_flows(db: Database, home: Home, tiny_folder: TinyFolder) -> None:
    klein = add_base(db, home, tiny_folder("flux2-klein", "base"), "klein")
    with pytest.raises(WrongUse, match=r"no scheduler called ddim for klein\..*default, euler, dpm\+\+2m, unipc"):
        submit.submit_generation(
            db, home, base=klein.slug, requests=[msgspec.structs.replace(REQUEST, scheduler="ddim")]
        )
    for name in ("default", "euler", "dpm++2m", "unipc"):
        request = msgspec.structs.replace(REQUEST, scheduler=name)
        assert submit.submit_generation(db, home, base=klein.slug, requests=[request])


def test_how_weights_are_kept_is_queued_and_told_beforehand(db: Database, home: Home, base: Base) -> None:
    job = submit.submit_generation(db, home, base="tiny", requests=[REQUEST], quantize="int8", offload="on")
    spec = queue.spec_of(home, job.id)
    assert isinstance(spec, GenerateSpec)
    assert (spec.quantize, spec.offload) == ("int8", "on")
    assert submit.how_it_fits(base) == []
    (line,) = submit.how_it_fits(base, "int8", "on")
    assert line[0] == "to fit"
    assert line[1].startswith("the denoiser in int8, its blocks brought to the card one after another")
    (fit, note) = submit.how_it_fits(base, here=Machine("cuda", 10**8))
    assert fit[1].startswith("the denoiser in int8, its blocks brought")
    assert note[1].startswith("It may not fit")
    with pytest.raises(Refused, match="nf4"):
        submit.submit_generation(db, home, base="tiny", requests=[REQUEST], quantize="nf4")
    assert len(queue.jobs(db)) == 1


def test_an_adapter_of_another_family_is_refused_by_name(db: Database, home: Home, base: Base) -> None:
    _adapter(db, home, None, family="sdxl")
    with pytest.raises(Refused, match="adapter mara is for sdxl bases, and tiny is a sd15 base"):
        submit.submit_generation(db, home, base="tiny", adapters=[AdapterUse("mara")], requests=[REQUEST])


def test_what_is_not_said_comes_from_the_base(db: Database, home: Home, base: Base) -> None:
    chosen, defaults = submit.sheet_defaults(db, None, [], seed=7, count=3)
    assert chosen.slug == "tiny"
    assert (defaults.width, defaults.height, defaults.seed, defaults.count) == (64, 64, 7, 3)
    _, given = submit.sheet_defaults(db, "tiny", [], size=(96, 64), steps=4, guidance=0.0, scheduler="ddim")
    assert (given.width, given.height, given.steps, given.guidance, given.scheduler) == (96, 64, 4, 0.0, "ddim")
    seeds = {submit.sheet_defaults(db, "tiny", [])[1].seed for _ in range(8)}
    assert len(seeds) > 1, "each time another seed is drawn"


def test_without_a_base_the_newest_of_ones_own_is_taken(db: Database, base: Base) -> None:
    models.add_base(db, "zen-mini", "sd15", "", "builtin:zen-mini", base.facts)
    assert submit.sheet_defaults(db, None, [])[0].slug == "tiny", "the built-in one gives way"

    models.add_base(db, "other", "sd15", "", base.path, base.facts)
    assert submit.sheet_defaults(db, None, [])[0].slug == "other"


@pytest.fixture
def built_in(monkeypatch: pytest.MonkeyPatch, tiny_base: Path) -> None:
    """Let the tiny base stand in for the built-in one."""
    monkeypatch.setattr("zen_tui.exchange.bases.WEIGHTS", tiny_base)


@pytest.mark.usefixtures("built_in")
def test_the_demo_is_five_jobs_in_a_chain(db: Database, home: Home, tmp_path: Path) -> None:
    jobs = submit.submit_demo(db, home, tmp_path / "out")
    chain = [jobs.photos, jobs.train, jobs.base_pictures, jobs.adapter_pictures, jobs.score]
    assert [job.after for job in chain] == [None, *[job.id for job in chain[:-1]]]
    photos, trained, without, with_it, score = [queue.spec_of(home, job.id) for job in chain]
    assert isinstance(photos, MannequinPhotosSpec)
    assert isinstance(trained, TrainSpec)
    assert isinstance(without, GenerateSpec)
    assert isinstance(with_it, GenerateSpec)
    assert isinstance(score, MannequinScoreSpec)
    dataset = datasets.dataset(db, "demo")
    assert (photos.dataset, trained.dataset, score.dataset, photos.count) == ("demo", "demo", "demo", 20)
    assert with_it.adapters == (AdapterUse("demo"),), "as the run will call its adapter"
    assert trained.name == "demo"
    assert (score.base_job, score.adapter_job) == (jobs.base_pictures.id, jobs.adapter_pictures.id)
    assert score.sheet == str(tmp_path / "out" / "sheet.png")
    trigger, plain = f"ohwx {dataset.class_word}", f"a {dataset.class_word}"
    assert [p.prompt.replace(trigger, plain) for p in with_it.pictures] == [p.prompt for p in without.pictures]
    assert all(trigger in picture.prompt for picture in with_it.pictures)
    assert len({(p.prompt, p.seed) for p in without.pictures}) == len(without.pictures) >= 20


@pytest.mark.usefixtures("built_in")
def test_a_second_demo_is_of_somebody_else(db: Database, home: Home) -> None:
    first, second = submit.submit_demo(db, home), submit.submit_demo(db, home)
    photos = [queue.spec_of(home, jobs.photos.id) for jobs in (first, second)]
    assert [spec.dataset for spec in photos if isinstance(spec, MannequinPhotosSpec)] == ["demo", "demo-2"]
    assert len({spec.seed for spec in photos if isinstance(spec, MannequinPhotosSpec)}) == 2
    assert [run.slug for run in models.runs(db)] == ["demo", "demo-2"]


def test_a_demo_without_the_built_in_base_queues_nothing(
    db: Database, home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("zen_tui.exchange.bases.WEIGHTS", tmp_path / "gone")
    with pytest.raises(BadFile, match="built-in base zen-mini"):
        submit.submit_demo(db, home)
    assert queue.jobs(db) == []
    assert datasets.all_datasets(db) == []
