"""Checkpoints: resuming bit by bit, going back to an earlier step, files of other runs, disks that are full."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace

import pytest
import torch
from tiny_runs import SETTINGS, assert_identical, fresh_pair

from gan_helpers.checkpoints import CheckpointError, load_tensors
from gan_helpers.environment import COURSE_ROOT
from gan_helpers.models.dense import Discriminator, Generator, add_minibatch_statistics
from gan_helpers.training import runs
from gan_helpers.training.adversarial import train_gan
from gan_helpers.training.runs import Run, TrainingDiverged
from gan_helpers.training.saving import restore_run, run_state, save_run
from gan_helpers.training.settings import CLASSIC, Settings


def test_without_an_average_samples_come_from_the_generator(tiny_images, tmp_path):
    path = tmp_path / "run.safetensors"
    run = train_gan(*fresh_pair(), tiny_images, epochs=1, settings=CLASSIC, checkpoint=path)
    assert run.average is run.generator
    resumed = train_gan(*fresh_pair(), tiny_images, epochs=2, settings=CLASSIC, checkpoint=path, resume=True)
    assert_identical(resumed, train_gan(*fresh_pair(), tiny_images, epochs=2, settings=CLASSIC))


SCRIPT = textwrap.dedent("""
    import sys, time
    import torch
    sys.path.insert(0, "tests/training")
    from tiny_runs import fresh_pair, SETTINGS, state
    from gan_helpers.data.sets import ImageSet
    from gan_helpers.training.adversarial import train_gan
    torch.set_num_threads(1)
    images = torch.randint(0, 256, (128, 1, 6, 6), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    data = ImageSet(images, torch.zeros(128, dtype=torch.int64), ("all",), "test")
    folder, slow, resume = sys.argv[1], float(sys.argv[2]), sys.argv[3] == "resume"
    def tell(run):
        time.sleep(slow)
        if run.step == 21:
            print("step 21", flush=True)
    run = train_gan(*fresh_pair(), data, epochs=5, settings=SETTINGS, checkpoint=folder + "/run.safetensors",
                    checkpoint_seconds=0.02, resume=resume, callbacks=[tell])
    torch.save(state(run), folder + "/end.pt")
    print("done", run.step, run.interrupted, flush=True)
""")


def start_script(folder, slow: float, resume: str = "afresh") -> subprocess.Popen:
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-c", SCRIPT, str(folder), str(slow), resume]
    return subprocess.Popen(command, cwd=COURSE_ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ})


def test_a_run_killed_and_resumed_ends_bit_identical(tmp_path):
    undisturbed = start_script(tmp_path / "a", 0.0)
    killed = start_script(tmp_path / "b", 0.02)
    assert "step 21" in killed.stdout.readline()  # in the middle of the third epoch
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert undisturbed.wait(timeout=120) == 0
    step = load_tensors(tmp_path / "b" / "run.safetensors")[1]["step"]
    assert 0 < step <= 22  # a checkpoint was there, and not from the end
    resumed = start_script(tmp_path / "b", 0.0, "resume")
    assert resumed.wait(timeout=120) == 0
    expected, found = (torch.load(tmp_path / name / "end.pt") for name in ("a", "b"))
    assert expected.keys() == found.keys()
    for key, value in expected.items():
        assert torch.equal(value, found[key]), key


def test_resume_goes_on_beyond_the_first_budget(tiny_images, tmp_path):
    path = tmp_path / "run.safetensors"
    train_gan(*fresh_pair(), tiny_images, epochs=2, settings=SETTINGS, checkpoint=path)
    longer = train_gan(*fresh_pair(), tiny_images, epochs=4, settings=SETTINGS, checkpoint=path, resume=True)
    assert_identical(longer, train_gan(*fresh_pair(), tiny_images, epochs=4, settings=SETTINGS))


@pytest.mark.parametrize("end", ["stop", "interrupt"])
def test_changed_learning_rates_are_saved_and_resumed(tiny_images, tmp_path, end):
    def change(run: Run) -> None:
        if run.step == 5:
            run.lrs = 2e-4, 3e-3
        if run.step == 10 and end == "stop":
            run.stop = True
        if run.step == 10 and end == "interrupt":
            signal.raise_signal(signal.SIGINT)

    path = tmp_path / "run.safetensors"
    run = train_gan(*fresh_pair(), tiny_images, epochs=3, settings=SETTINGS, checkpoint=path, callbacks=[change])
    assert (run.step, run.interrupted) == (10, end == "interrupt")
    resumed = train_gan(*fresh_pair(), tiny_images, epochs=3, settings=SETTINGS, checkpoint=path, resume=True)
    assert resumed.lrs == (2e-4, 3e-3)

    def only_change(run: Run) -> None:
        if run.step == 5:
            run.lrs = 2e-4, 3e-3

    undisturbed = train_gan(*fresh_pair(), tiny_images, epochs=3, settings=SETTINGS, callbacks=[only_change])
    assert_identical(resumed, undisturbed)


@pytest.mark.parametrize("settings", [SETTINGS, Settings(batch_size=16, r1=0.5, penalty_every=3), CLASSIC])
def test_a_run_put_back_to_an_earlier_step_ends_as_if_it_had_not_been(tiny_images, settings):
    """Twice to the same state: from the very last step, then from the middle of the next epoch."""
    settings = replace(settings, batch_size=16)  # 8 steps an epoch
    kept, steps = [], []

    def rewind(run: Run) -> None:
        steps.append(run.step)
        if run.step == 7 and not kept:
            tensors, facts = run_state(run)
            kept.extend(({name: tensor.clone() for name, tensor in tensors.items()}, facts))
        if (run.step, len(steps)) in ((24, 24), (13, 24 + 6)):
            restore_run(run, *kept)

    run = train_gan(*fresh_pair(), tiny_images, epochs=3, settings=settings, callbacks=[rewind])
    assert steps == [*range(1, 25), *range(8, 14), *range(8, 25)]
    assert_identical(run, train_gan(*fresh_pair(), tiny_images, epochs=3, settings=settings))


def test_starting_afresh_keeps_the_older_run_beside(tiny_images, tmp_path):
    path = tmp_path / "run.safetensors"
    train_gan(*fresh_pair(), tiny_images, epochs=2, settings=SETTINGS, checkpoint=path)
    train_gan(*fresh_pair(), tiny_images, epochs=1, settings=SETTINGS, checkpoint=path)
    assert load_tensors(path)[1]["step"] == 8
    assert load_tensors(tmp_path / "run.previous.safetensors")[1]["step"] == 16


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda g, d: (Generator(5, (1, 6, 6), widths=(16, 16)), d, SETTINGS), "generator"),
        (lambda g, d: (g, Discriminator((1, 6, 6), widths=(9,)), SETTINGS), "discriminator"),
        (lambda g, d: (g, add_minibatch_statistics(d), SETTINGS), "discriminator"),
        (lambda g, d: (g, d, Settings(batch_size=16, g_lr=0.1)), "settings"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(tiny_images, tmp_path, change, part):
    path = tmp_path / "run.safetensors"
    train_gan(*fresh_pair(), tiny_images, epochs=1, settings=SETTINGS, checkpoint=path)
    generator, discriminator, settings = change(*fresh_pair())
    with pytest.raises(CheckpointError, match=f"belongs to another run: its {part} is .*resume=False"):
        train_gan(generator, discriminator, tiny_images, 2, settings=settings, checkpoint=path, resume=True)


def test_a_folder_that_takes_no_files_is_told_before_training(tiny_images, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    steps = []
    with pytest.raises(CheckpointError, match="cannot write"):
        train_gan(*fresh_pair(), tiny_images, 1, settings=SETTINGS, checkpoint=tmp_path / "file" / "run",
                  callbacks=[steps.append])  # fmt: skip
    assert steps == []


def test_a_disk_that_fills_up_costs_a_warning_not_the_training(tiny_images, tmp_path, monkeypatch, capsys):
    path = tmp_path / "run.safetensors"
    calls = []

    def fail_in_the_middle(run: Run, path: object) -> None:
        calls.append(run.step)
        if 0 < run.step < 8:
            raise CheckpointError("cannot write: No space left on device")
        save_run(run, path)

    monkeypatch.setattr("gan_helpers.training.saving.save_run", fail_in_the_middle)
    run = train_gan(*fresh_pair(), tiny_images, 1, settings=SETTINGS, checkpoint=path, checkpoint_seconds=0)
    assert run.step == 8
    assert len(calls) > 2
    assert "no checkpoint at step 1, but the run itself is kept" in capsys.readouterr().out
    assert load_tensors(path)[1]["step"] == 8


@pytest.mark.parametrize("every", [1, 100])  # as on a CPU; as on a GPU, where the end comes before the next look
def test_a_checkpoint_never_holds_a_nan(tiny_images, tmp_path, monkeypatch, every):
    monkeypatch.setattr(runs, "CHECK_EVERY", {"cpu": every})

    def poison(run: Run) -> None:
        if run.step == 3:
            run.generator.layers[0].weight.data.fill_(float("nan"))

    path = tmp_path / "run.safetensors"
    with pytest.raises(TrainingDiverged, match="at step 4"):
        train_gan(*fresh_pair(), tiny_images, 1, settings=SETTINGS, checkpoint=path, callbacks=[poison])
    tensors, facts = load_tensors(path)
    assert facts["step"] == 0
    assert all(t.isfinite().all() for t in tensors.values() if t.is_floating_point())


def test_a_checkpoint_is_resumed_on_the_same_pictures_only(tiny_images, tmp_path):
    path = tmp_path / "run.safetensors"
    train_gan(*fresh_pair(), tiny_images, epochs=1, settings=SETTINGS, checkpoint=path)
    other = 255 - tiny_images.images
    with pytest.raises(CheckpointError, match="its data is 128 pictures of 1x6x6"):
        train_gan(*fresh_pair(), other, epochs=2, settings=SETTINGS, checkpoint=path, resume=True)
    same = tiny_images.images.clone()
    assert train_gan(*fresh_pair(), same, epochs=2, settings=SETTINGS, checkpoint=path, resume=True).step == 16


def test_seconds_of_a_resumed_run_count_from_its_beginning(tiny_images, tmp_path):
    path = tmp_path / "run.safetensors"
    run = train_gan(*fresh_pair(), tiny_images, seconds=0.3, settings=SETTINGS, checkpoint=path)
    again = train_gan(*fresh_pair(), tiny_images, seconds=0.2, settings=SETTINGS, checkpoint=path, resume=True)
    assert again.step == run.step + 1  # the step that finds the budget spent
