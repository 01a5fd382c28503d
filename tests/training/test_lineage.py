"""Runs that go on past their end, and runs that begin from what another had learned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from safetensors.torch import load_file

from tests.cli.conftest import Zen
from tests.training.conftest import Studio, Tape
from tests.training.test_resume import adapter, same
from zen_tui.exchange.adapters import inspect_adapter
from zen_tui.jobs.lineage import extend_run, fork_run
from zen_tui.jobs.queue import spec_of
from zen_tui.library import models, pruning
from zen_tui.library.durable import write_file
from zen_tui.library.errors import BadFile, NotFound, Refused, WrongUse
from zen_tui.library.events import Note, Resumed
from zen_tui.library.specs import CheckpointSpec, TrainSpec, encode_spec
from zen_tui.training.from_checkpoint import make_from_checkpoint


def begun(studio: Studio, **changed: Any) -> TrainSpec:
    """A run that is over, as the queue knows it."""
    spec = studio.start(**changed)
    job = studio.run(spec).job_id or 0
    write_file(studio.home.job(job) / "spec.json", encode_spec(spec))
    studio.db.update("runs", spec.run, spec=msgspec.to_builtins(spec))
    studio.train(spec)
    studio.db.update("jobs", job, status="done")
    return spec


def asked_of(studio: Studio, job: int) -> TrainSpec:
    spec = spec_of(studio.home, job)
    assert isinstance(spec, TrainSpec)
    return spec


@pytest.mark.parametrize("optimizer", ["adamw", pytest.param("schedule_free", marks=pytest.mark.slow)])
def test_a_run_that_goes_on_is_as_if_it_had_been_longer_from_the_start(studio: Studio, optimizer: str) -> None:
    whole = studio.train(steps=9, optimizer=optimizer, ema=0.9 if optimizer == "adamw" else 0.0)
    wanted = adapter(studio)
    spec = begun(studio, steps=5, optimizer=optimizer, ema=0.9 if optimizer == "adamw" else 0.0)
    first = models.adapter(studio.db, studio.result["adapter"])
    before = studio.home.resolve(first.path).read_bytes()

    job = extend_run(studio.db, studio.home, studio.run(spec), 9)

    assert (job.status, job.steps, studio.run(spec).steps) == ("queued", 9, 9)
    assert studio.home.resolve(first.path).read_bytes() == before
    tape = studio.train(asked_of(studio, job.id))
    assert [event.step for event in tape.of(Resumed)] == [5]
    losses = whole.losses()
    assert tape.losses() == {step: losses[step] for step in range(6, 10)}
    assert same(adapter(studio), wanted)
    assert studio.result["adapter"] == first.slug
    assert len(models.adapters(studio.db)) == 2
    assert models.adapter(studio.db, first.slug).facts["steps"] == 9


def test_an_adapter_that_cannot_be_made_anew_leaves_the_old_one(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = begun(studio, steps=3)
    path = studio.home.resolve(models.adapter(studio.db, studio.result["adapter"]).path)
    before = path.read_bytes()
    job = extend_run(studio.db, studio.home, studio.run(spec), 5)
    monkeypatch.setattr("zen_tui.training.methods.lora.torch.equal", lambda *_: False)
    with pytest.raises(Exception, match="could not be read back"):
        studio.train(asked_of(studio, job.id))
    assert path.read_bytes() == before


def test_what_cannot_go_on_is_refused(studio: Studio) -> None:
    spec = begun(studio, steps=4)
    run = studio.run(spec)
    with pytest.raises(Refused, match="has learned for 4 steps already"):
        extend_run(studio.db, studio.home, run, 4)
    with pytest.raises(WrongUse, match="steps"):
        extend_run(studio.db, studio.home, run, -3)
    studio.db.update("jobs", run.job_id or 0, status="running")
    with pytest.raises(Refused, match="is running"):
        extend_run(studio.db, studio.home, run, 8)
    assert asked_of(studio, run.job_id or 0).settings.steps == 4


def test_a_fork_with_nothing_changed_learns_the_same(studio: Studio) -> None:
    spec = begun(studio)
    whole, wanted = studio.train(studio.start()).losses(), adapter(studio)
    studio.db.connection.execute("UPDATE photos SET caption = 'changed', split = 'train'")

    made = fork_run(studio.db, studio.home, studio.run(spec), step=2, chosen={}, name="again")

    assert (made.run.slug, made.changed) == ("again", [])
    tape = studio.train(asked_of(studio, made.job.id))
    assert [event.step for event in tape.of(Resumed)] == [2]
    assert tape.losses() == {step: whole[step] for step in range(3, 7)}
    assert same(adapter(studio), wanted)
    record = (studio.home.run(made.run.id) / "run.toml").read_text()
    assert '[from]\nrun = "run-1"\nstep = 2\n' in record
    assert made.run.spec["origin"] == {"run": spec.run, "name": "run-1", "step": 2}
    assert models.stood_on(studio.db, spec.run) == {2}


def test_a_fork_may_change_what_does_not_touch_its_state(studio: Studio) -> None:
    spec = begun(studio)
    run, db, home = studio.run(spec), studio.db, studio.home
    made = fork_run(
        db, home, run, chosen={"optimizer": "adafactor", "learning_rate": "2e-3", "steps": 8, "ema": 0.5}
    )
    assert ("learning_rate", 1e-2, 2e-3) in made.changed
    tape = studio.train(asked_of(studio, made.job.id))
    assert sorted(tape.losses()) == [7, 8]
    assert "The state of adamw does not fit adafactor, which starts anew." in [n.text for n in tape.of(Note)]
    with pytest.raises(WrongUse, match="rank cannot be changed"):
        fork_run(db, home, run, chosen={"rank": 8})
    with pytest.raises(WrongUse, match="method cannot be changed"):
        fork_run(db, home, run, chosen={"method": "lora"})
    with pytest.raises(WrongUse, match="holdout cannot be changed"):
        fork_run(db, home, run, chosen={"holdout": 0})
    with pytest.raises(WrongUse, match="end where it would begin, at step 6"):
        fork_run(db, home, run, chosen={})
    with pytest.raises(NotFound, match=r"no checkpoint at step 3.*2, 4, 6"):
        fork_run(db, home, run, step=3, chosen={})


def test_a_fork_goes_on_from_its_own_checkpoint_and_says_when_its_origin_is_gone(studio: Studio) -> None:
    spec = begun(studio)
    made = fork_run(studio.db, studio.home, studio.run(spec), step=2, chosen={"learning_rate": 1e-3})
    kept = next(c for c in models.checkpoints(studio.db, spec.run) if c.step == 2)
    path = studio.home.resolve(kept.path)
    data = path.read_bytes()
    path.write_bytes(data[:-40])
    with pytest.raises(BadFile, match="at step 2 is gone or damaged"):
        studio.train(asked_of(studio, made.job.id))
    path.write_bytes(data)
    tape = Tape(ask=lambda step: "pause" if step == 5 else "")
    with pytest.raises(Exception, match="pause"):
        studio.train(asked_of(studio, made.job.id), tape)
    path.unlink()
    tape.ask, tape.step = (lambda step: ""), 0
    studio.train(asked_of(studio, made.job.id), tape)
    assert [event.step for event in tape.of(Resumed)] == [2, 5]
    assert sorted(tape.losses()) == [3, 4, 5, 6]


def test_pruning_spares_the_newest_the_best_and_what_a_fork_stands_on(studio: Studio) -> None:
    spec = begun(studio, steps=6, checkpoint_every=1, learning_rate=0.3, keep_checkpoints=4)
    kept = models.checkpoints(studio.db, spec.run)
    best = pruning.best(kept)
    assert best is not None
    assert [c.step for c in kept] == sorted({best.step, 3, 4, 5, 6})
    fork_run(studio.db, studio.home, studio.run(spec), step=4, chosen={})

    gone = pruning.spare(studio.db, spec.run, 1)
    freed = pruning.remove(studio.db, studio.home, gone)

    left = models.checkpoints(studio.db, spec.run)
    assert [c.step for c in left] == sorted({best.step, 4, 6})
    assert freed == sum(c.size for c in kept) - sum(c.size for c in left) > 0
    files = {path.name for path in (studio.home.run(spec.run) / "checkpoints").iterdir()}
    assert files == {f"step-{c.step:07d}.safetensors" for c in left}


@pytest.mark.parametrize("optimizer", ["adamw", pytest.param("schedule_free", marks=pytest.mark.slow)])
def test_the_adapter_of_any_checkpoint_is_what_the_run_would_have_ended_with(
    studio: Studio, tmp_path: Path, optimizer: str
) -> None:
    chosen: dict[str, Any] = {"optimizer": optimizer, "ema": 0.9 if optimizer == "adamw" else 0.0}
    studio.train(steps=4, **chosen)
    at_4 = adapter(studio)
    spec = begun(studio, steps=6, **chosen)
    out = tmp_path / "four.safetensors"
    asked = CheckpointSpec(run=spec.run, step=4, out=str(out))

    assert make_from_checkpoint(asked, Tape(), studio.db, studio.home) == {"out": str(out), "step": 4}
    assert same(load_file(out), at_4)
    with pytest.raises(Refused, match="exists already"):
        make_from_checkpoint(asked, Tape(), studio.db, studio.home)

    recorded = CheckpointSpec(run=spec.run, step=4, name="early")
    assert make_from_checkpoint(recorded, Tape(), studio.db, studio.home)["adapter"] == "early"
    made = models.adapter(studio.db, "early")
    assert (made.run_id, made.facts["steps"], made.trigger) == (spec.run, 4, "ohwx woman")
    assert same(load_file(studio.home.resolve(made.path)), at_4)
    job = extend_run(studio.db, studio.home, studio.run(spec), 8)
    studio.train(asked_of(studio, job.id))
    assert models.adapter(studio.db, "early").facts["steps"] == 4
    assert studio.result["adapter"] == spec.name


def test_the_commands_make_adapters_of_checkpoints_and_prune(studio: Studio, zen: Zen, tmp_path: Path) -> None:
    spec = begun(studio)
    out = tmp_path / "two.safetensors"
    made = zen("runs", "export", "run-1", "--step", 2, "--out", out, "--json")
    assert made.code == 0, made.err
    assert inspect_adapter(out).rank == 2
    assert zen("runs", "export", "run-1", "--step", 3, "--out", tmp_path / "three.safetensors").code == 3
    best = zen("runs", "prune", "run-1", "--yes", "--json").json()
    assert best["kept"][-1] == 6
    assert best["freed"] > 0
    assert models.checkpoints(studio.db, spec.run)[-1].step == 6
    assert "6, " in zen("runs", "show", "run-1").out
