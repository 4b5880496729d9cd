"""The monitor changes nothing unless told to, and does what it is told: clicks come from a thread, as in JupyterLab."""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
import torch
from test_training import assert_identical, fresh_pair

from gan_helpers.checkpoints import load_tensors
from gan_helpers.environment import COURSE_ROOT
from gan_helpers.training.adversarial import train_gan
from gan_helpers.training.runs import Run, start_run
from gan_helpers.training.settings import Settings
from gan_helpers.widgets import dashboard
from gan_helpers.widgets import monitor as monitor_module
from gan_helpers.widgets.monitor import Monitor, TimeLapse
from gan_helpers.widgets.snapshots import Snapshots

SETTINGS = Settings(batch_size=16)  # 8 steps an epoch on the 128 tiny pictures
LATENTS = torch.randn(4, 4, generator=torch.Generator().manual_seed(3))


@pytest.fixture
def shown(monkeypatch) -> list[object]:
    """What is displayed, as in a notebook that has widgets."""
    shown: list[object] = []
    monkeypatch.setattr(monitor_module, "_in_notebook", lambda: True)
    monkeypatch.setattr("IPython.display.display", lambda thing, **_: shown.append(thing))
    return shown


def at(step: int, call: Callable[[Run], object]) -> Callable[[Run], None]:
    """A callback that acts once, after ``step``; placed before the monitor it is a reader who clicks then."""
    done = []

    def callback(run: Run) -> None:
        if run.step == step and not done:
            done.append(call(run))

    return callback


def click(monitor: Monitor, name: str) -> None:
    names = {"pause": 0, "step": 1, "go": 2, "stop": 3}
    (monitor.view.rewind if name == "rewind" else monitor.view.buttons[names[name]]).click()


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def reader(call: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    return thread


def train(monitor: Monitor, images, *before: Callable[[Run], None], epochs: float = 2, **options) -> Run:
    return train_gan(*fresh_pair(), images, epochs, settings=SETTINGS, callbacks=[*before, monitor], **options)


# --- without a notebook -------------------------------------------------------------------------------


def test_without_a_notebook_the_monitor_prints_ten_lines_spread_over_the_run(tiny_images, capsys):
    run = train(monitor := Monitor(LATENTS, 0.0), tiny_images, epochs=10)
    monitor.show(run)
    lines = capsys.readouterr().out.strip().splitlines()
    steps = [int(line.split(":")[0].removeprefix("step ")) for line in lines]
    assert steps == [1, 16, 24, 32, 40, 48, 56, 64, 72, 80]
    assert "D's loss" in lines[0]


def test_a_short_run_is_printed_to_its_end(tiny_images, capsys):
    run = train(monitor := Monitor(LATENTS), tiny_images, at(4, lambda run: setattr(run, "stop", True)))
    monitor.show(run)
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == ["step 1", "step 4", "step 4"]


def test_watching_does_not_change_the_training(tiny_images, shown):
    watched = train_gan(
        *fresh_pair(), tiny_images, 2, settings=SETTINGS, callbacks=[Monitor(LATENTS, 0.0), TimeLapse(LATENTS)]
    )
    assert_identical(watched, train_gan(*fresh_pair(), tiny_images, epochs=2, settings=SETTINGS))


def test_the_time_lapse_is_dense_at_first_and_thins_out(tiny_pair, tiny_images):
    lapse = TimeLapse(LATENTS, growth=1.5)
    train_gan(*tiny_pair, tiny_images, epochs=5, settings=SETTINGS, callbacks=[lapse])
    assert lapse.steps[:3] == [1, 2, 3]
    assert all(b >= 1.5 * a for a, b in pairwise(lapse.steps))
    assert len(lapse.frames) == len(lapse.steps)
    assert not torch.equal(lapse.frames[0], lapse.frames[-1])


# --- what is shown ------------------------------------------------------------------------------------


def test_the_live_picture_changes_and_gives_way_to_one_that_stays(tiny_images, shown):
    monitor = Monitor(LATENTS, 0.0)
    frames = []
    look = at(8, lambda run: frames.append(monitor.view.image.value))
    run = train(monitor, tiny_images, look)
    view = monitor.view
    assert shown == [view if hasattr(view.widget, "_repr_mimebundle_") else view.widget]
    assert frames[0] != view.image.value
    assert view.status.value.startswith("Ended: step 16 of 16")
    assert all(control.disabled for control in view.inputs)
    monitor.show(run)
    assert shown[1].kind == "png"
    assert "step 16" in shown[1].alt
    assert "gan-kept" in view.widget._dom_classes  # the style sheet hides the live picture
    assert view.controls.layout.display == "none"
    assert monitor._repr_mimebundle_() == shown[1]._repr_mimebundle_()  # where a reloaded page has lost it
    train(monitor, tiny_images, at(8, lambda run: frames.append(view.buttons[0].disabled)))
    assert frames[1] is False  # a second run opens it again
    assert "gan-kept" not in view.widget._dom_classes
    assert view.controls.layout.display is None


def test_without_widgets_one_picture_is_updated(tiny_images, monkeypatch):
    pictures = []

    class Handle:
        def update(self, picture: object) -> None:
            pictures.append(picture)

    def display(picture: object, display_id: bool) -> Handle:
        pictures.append(picture)
        return Handle()

    monkeypatch.setattr(monitor_module, "_in_notebook", lambda: True)
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    monkeypatch.setattr("IPython.display.display", display)
    monitor = Monitor(LATENTS, every_seconds=1000.0)
    run = train(monitor, tiny_images)
    assert len(pictures) == 1  # the second refresh was not due
    monitor.show(run)
    assert pictures[1].content != pictures[0].content
    assert "step 16" in pictures[1].alt


def test_an_error_in_training_closes_the_controls(tiny_images, shown):
    monitor = Monitor(LATENTS)
    with pytest.raises(ZeroDivisionError):
        train(monitor, tiny_images, at(5, lambda run: 1 / 0))
    assert all(control.disabled for control in monitor.view.inputs)


def test_pictures_take_their_share_of_the_time_and_no_more(tiny_images, shown, monkeypatch):
    draw = dashboard.live_frame
    monkeypatch.setattr(monitor_module, "live_frame", lambda *a: time.sleep(0.02) or draw(*a))
    monkeypatch.setattr(monitor_module, "SHARE", 0.25)
    monitor = Monitor(LATENTS, every_seconds=0.0)
    spent = []
    slow = lambda run: time.sleep(0.005) or spent.append((monitor.frames, monitor.frame_seconds))  # noqa: E731
    run = train_gan(*fresh_pair(), tiny_images, seconds=2.0, settings=SETTINGS, callbacks=[monitor, slow])
    first, last = spent[0][1], spent[-1][1]
    longest = 2 * (last - first) / (spent[-1][0] - 1)  # the one that was under way at the end
    assert spent[-1][0] > 3
    assert last - first < 0.25 * run.seconds + longest


# --- steering -----------------------------------------------------------------------------------------


def test_a_pause_holds_the_run_and_its_budget_and_the_processor(tiny_images, shown, monkeypatch):
    monitor, looks, seconds = Monitor(LATENTS, 0.0), [], []
    obey = monitor._obey
    monkeypatch.setattr(monitor, "_obey", lambda run: looks.append(run.step) or obey(run))

    def wait_and_go_on() -> None:
        wait_for(lambda: monitor.view is not None and monitor.view.status.value.startswith("Paused: step 5"))
        time.sleep(1.0)
        click(monitor, "go")

    thread = reader(wait_and_go_on)
    clock = lambda run: seconds.append(run.seconds)  # noqa: E731
    run = train(monitor, tiny_images, at(5, lambda run: click(monitor, "pause")), clock)
    thread.join(30)
    assert run.step == 16
    assert seconds[5] - seconds[4] < 0.9
    assert 2 < looks.count(5) < 50  # it sleeps in between
    assert_identical(run, train_gan(*fresh_pair(), tiny_images, epochs=2, settings=SETTINGS))


def test_step_once_and_stop_and_keep(tiny_images, shown, tmp_path):
    monitor = Monitor(LATENTS, 0.0)

    def step_twice_and_stop() -> None:
        for step in (5, 6, 7):
            wait_for(lambda: monitor.view is not None and monitor.view.status.value.startswith(f"Paused: step {step}"))  # noqa: B023
            click(monitor, "step" if step < 7 else "stop")

    thread = reader(step_twice_and_stop)
    path = tmp_path / "run.safetensors"
    run = train(monitor, tiny_images, at(5, lambda run: click(monitor, "pause")), checkpoint=path)
    thread.join(30)
    assert run.step == 7
    assert not run.interrupted
    assert load_tensors(path)[1]["step"] == 7
    resumed = train_gan(*fresh_pair(), tiny_images, epochs=2, settings=SETTINGS, checkpoint=path, resume=True)
    assert_identical(resumed, train_gan(*fresh_pair(), tiny_images, epochs=2, settings=SETTINGS))


def test_an_interrupt_ends_a_paused_run(tiny_images, shown):
    monitor = Monitor(LATENTS, 0.0)

    def interrupt() -> None:
        wait_for(lambda: monitor.view is not None and monitor.view.status.value.startswith("Paused"))
        os.kill(os.getpid(), signal.SIGINT)

    thread = reader(interrupt)
    run = train(monitor, tiny_images, at(5, lambda run: click(monitor, "pause")))
    thread.join(30)
    assert run.interrupted
    assert run.step == 5


def test_a_changed_learning_rate_is_the_optimisers(tiny_images, shown):
    monitor = Monitor(LATENTS, 0.0)

    def change(run: Run) -> None:
        monitor.view.g_rate.value, monitor.view.d_rate.value = 3e-4, 0.0

    def by_hand(run: Run) -> None:
        run.lrs = 3e-4, 0.0

    run = train(monitor, tiny_images, at(5, change))
    assert run.lrs == (3e-4, 0.0)
    expected = train_gan(*fresh_pair(), tiny_images, epochs=2, settings=SETTINGS, callbacks=[at(5, by_hand)])
    assert_identical(run, expected)
    assert not torch.equal(
        run.history.rows()[-1], train_gan(*fresh_pair(), tiny_images, 2, settings=SETTINGS).history.rows()[-1]
    )


def test_rewinding_leads_to_the_run_that_was_never_disturbed(tiny_images, shown):
    """Back twice, over the boundary of an epoch and with another learning rate in between."""
    monitor, steps = Monitor(LATENTS, 0.0), []
    monitor.snapshots.first_interval = 0.0

    def spoil(run: Run) -> None:
        monitor.view.g_rate.value = 0.1

    def rewind(run: Run) -> None:
        monitor.view.past.value = monitor.snapshots.steps[1]
        click(monitor, "rewind")

    reader = [lambda run: steps.append(run.step), at(7, spoil), at(9, rewind), at(14, rewind)]
    run = train(monitor, tiny_images, *reader)
    assert [b for a, b in pairwise(steps) if b <= a] == [3, 3]  # went on from step 2, twice
    assert run.lrs == (1e-3, 1e-3)
    assert monitor.view.g_rate.value == 1e-3
    assert_identical(run, train_gan(*fresh_pair(), tiny_images, epochs=2, settings=SETTINGS))


def test_a_rewind_before_the_first_snapshot_is_listed_does_nothing(tiny_images, shown):
    monitor = Monitor(LATENTS)
    run = train(monitor, tiny_images, at(1, lambda run: click(monitor, "rewind")))
    assert run.step == 16


def test_snapshots_are_few_and_spread_over_the_run(tiny_pair):
    run, snapshots = (
        start_run(dict(zip(("generator", "discriminator"), tiny_pair, strict=True)), SETTINGS),
        Snapshots(most=6, every_seconds=1.0),
    )
    for step in range(1, 400):
        run.step = run.seconds = step
        if snapshots.due(run):
            snapshots.take(run)
        assert len(snapshots.steps) <= 6
        gaps = [b - a for a, b in zip(snapshots.steps, [*snapshots.steps[1:], step], strict=True)]
        assert snapshots.steps[0] == 1
        assert max(gaps) <= max(2, step / 2)
    snapshots.rewind(run, 160)
    assert run.step in snapshots.steps
    assert abs(run.step - 160) <= 64


def snapshots_at(run: Run, *steps: int) -> Snapshots:
    snapshots = Snapshots(every_seconds=1000.0)
    for step in steps:
        run.step = run.seconds = step
        snapshots.take(run)
    return snapshots


def test_later_snapshots_stay_until_the_run_has_gone_past_them(tiny_pair):
    run = start_run(dict(zip(("generator", "discriminator"), tiny_pair, strict=True)), SETTINGS)
    snapshots = snapshots_at(run, 1, 10, 20, 30)
    snapshots.rewind(run, 1)
    assert (run.step, snapshots.steps) == (1, [1, 10, 20, 30])
    assert snapshots.named(20) == "step 20 (later)"
    snapshots.rewind(run, 30)  # a slip is mended: nothing was lost
    assert run.step == 30
    snapshots.rewind(run, 1)
    run.step = run.seconds = 21
    snapshots.take(run)
    assert snapshots.steps == [1, 21, 30]  # 10 and 20 belong to the way that was left
    assert snapshots.named(21) == "step 21"
    snapshots.rewind(run, 21)
    run.step = run.seconds = 35
    assert not snapshots.due(run)
    assert snapshots.steps == [1, 21]


def test_the_snapshot_before_a_change_of_rate_is_proposed_and_never_thinned_out(tiny_pair):
    run = start_run(dict(zip(("generator", "discriminator"), tiny_pair, strict=True)), SETTINGS)
    snapshots = snapshots_at(run, 1, 10)
    assert snapshots.proposed == 10
    run.step, run.seconds = 17, 17.0
    snapshots.mark(run)
    run.step, run.seconds = 18, 18.0
    snapshots.mark(run)  # the next click on the little arrow
    for step in range(20, 200, 10):
        run.step = run.seconds = step
        snapshots.take(run)
        assert len(snapshots.steps) <= 7
        assert snapshots.proposed == 17
    assert snapshots.named(17) == "step 17 (before the change)"


def test_back_to_shows_the_step_before_the_rate_changed_unless_the_reader_chooses(tiny_images, shown):
    monitor, seen = Monitor(LATENTS, 0.0), []
    monitor.snapshots.first_interval = 0.0

    def note(run: Run) -> None:
        seen.append((monitor.view.past.value, monitor.snapshots.steps))

    def change(run: Run) -> None:
        monitor.view.d_rate.value = 0.01

    def choose(run: Run) -> None:
        monitor.view.past.value = monitor.snapshots.steps[0]

    train(monitor, tiny_images, at(5, note), at(6, change), at(10, note), at(11, choose), at(14, note))
    (latest, steps), (before_change, _), (own, _) = seen
    assert (latest, before_change, own) == (steps[-1], 6, 1)


@pytest.mark.parametrize("samples", [torch.zeros(4, 3, 2), torch.zeros(4, 5, 6, 6, 6), "an error"])
def test_what_cannot_be_drawn_costs_a_line_and_not_the_run(samples, tiny_images, shown, monkeypatch, capsys):
    def odd(*_: object) -> torch.Tensor:
        if isinstance(samples, str):
            raise KeyError(samples)
        return samples

    monkeypatch.setattr("gan_helpers.widgets.dashboard.generate", odd)
    monitor = Monitor(LATENTS, 0.0)
    run = train(monitor, tiny_images)
    monitor.show(run)
    assert run.step == 16
    lines = capsys.readouterr().out.splitlines()
    assert "the training goes on, but the monitor cannot draw it" in lines[0]
    assert "step 16: D's loss" in lines[1]
    assert len(lines) == 2
    assert monitor.view.image.layout.display == "none"
    assert monitor.view.status.value.startswith("Ended: step 16")


@pytest.mark.parametrize("shape", [(4, 16, 28, 28), (50, 2)], ids=["clips", "points"])
def test_clips_and_points_are_drawn(shape, tiny_images, shown, monkeypatch, capsys):
    for module in ("dashboard", "monitor"):
        monkeypatch.setattr(f"gan_helpers.widgets.{module}.generate", lambda *_: torch.rand(shape))
    monitor, lapse = Monitor(LATENTS, 0.0), TimeLapse(LATENTS)
    train(monitor, tiny_images, lapse)
    assert capsys.readouterr().out == ""
    assert monitor.view.image.value
    assert lapse.frames[0].shape[0] == 1


def test_a_page_that_is_not_heard_from_gets_the_stop_button_named(tiny_images, shown, monkeypatch):
    monkeypatch.setattr("gan_helpers.widgets.controls.PATIENCE", 0.0)
    monitor, hints = Monitor(LATENTS, 0.0), []

    def note(run: Run) -> None:
        hints.append(monitor.view.hint.value)

    def hear(run: Run) -> None:
        monitor.view._heard({"event": "ready"}, [])

    train(monitor, tiny_images, at(4, note), at(6, hear), at(9, note))
    assert "end the training with the stop button" in hints[0]
    assert hints[1] == ""  # clicks arrive


# --- in a kernel, by messages, as a browser sends them -------------------------------------------------


class Browser:
    """The other end of the widgets: knows their state, and clicks."""

    def __init__(self, client) -> None:
        self.client, self.widgets, self.text, self.manager = client, {}, "", None
        client.control_channel.send(client.session.msg("create_subshell_request"))
        features = client.kernel_info(reply=True, timeout=60)["content"].get("supported_features", [])
        self.subshell = None
        if "kernel subshells" in features:
            self.subshell = client.get_control_msg(timeout=30)["content"]["subshell_id"]

    def listen(self) -> None:
        try:
            message = self.client.get_iopub_msg(timeout=0.05)
        except queue.Empty:
            return
        kind, content = message["msg_type"], message["content"]
        if kind in ("comm_open", "comm_msg"):
            self.widgets.setdefault(content["comm_id"], {}).update(content["data"].get("state", {}))
        self.text += content["text"] if kind == "stream" else str(content.get("traceback", ""))

    def find(self, name: str) -> str:
        return next((i for i, state in self.widgets.items() if name in state.get("_dom_classes", ())), "")

    def status(self) -> str:
        return self.widgets.get(self.find("gan-status"), {}).get("value", "")

    def wait(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < end, (self.status(), self.text)
            self.listen()

    def click(self, name: str) -> None:
        data = {"method": "custom", "content": {"event": "click"}}
        message = self.client.session.msg("comm_msg", {"comm_id": self.find(name), "data": data})
        if self.subshell:
            message["header"]["subshell_id"] = self.subshell
        self.client.shell_channel.send(message)


@pytest.fixture
def browser_of_a_kernel() -> Iterator[Browser]:
    manager = pytest.importorskip("jupyter_client").KernelManager()
    manager.start_kernel(cwd=str(COURSE_ROOT))
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=120)
    page = Browser(client)
    page.manager = manager
    yield page
    client.stop_channels()
    manager.shutdown_kernel(now=True)


TRAINING = """
import sys; sys.path[:0] = ["tests", "tests/training"]
import torch; torch.set_num_threads(1)
from test_training import fresh_pair, SETTINGS
from gan_helpers.widgets.monitor import Monitor
from gan_helpers.training.adversarial import train_gan
images = torch.zeros(128, 1, 6, 6, dtype=torch.uint8)
run = train_gan(*fresh_pair(), images, seconds=600, settings=SETTINGS, callbacks=[Monitor(torch.zeros(4, 4))])
print("trained", run.step, run.stop)
"""


def test_clicks_act_while_the_cell_runs_and_the_next_cell_waits(browser_of_a_kernel):
    """The way that this kernel has: a thread for messages (ipykernel 7), or jupyter_ui_poll (6)."""
    page = browser_of_a_kernel
    page.client.execute(TRAINING)
    page.client.execute("print('next cell')")
    page.wait(lambda: page.status().startswith("Training: step"))
    page.click("gan-pause")
    page.wait(lambda: page.status().startswith("Paused"))
    paused = page.status()
    page.click("gan-step")
    page.wait(lambda: page.status() != paused)
    assert page.status().startswith("Paused")
    page.click("gan-go")
    page.wait(lambda: page.status().startswith("Training"))
    assert "trained" not in page.text
    assert "next cell" not in page.text
    page.click("gan-stop")
    page.wait(lambda: "next cell" in page.text)
    assert page.text.index("trained") < page.text.index("next cell")
    assert "True" in page.text


def test_a_front_end_without_a_thread_for_clicks_is_told_of_the_stop_button(browser_of_a_kernel):
    """As VS Code and older JupyterLabs send them, clicks wait until the cell has ended; an interrupt does not."""
    page = browser_of_a_kernel
    if page.subshell is None:
        pytest.skip("ipykernel 6: the training asks for clicks between two steps")
    page.subshell = None
    page.client.execute(TRAINING)
    page.wait(lambda: page.status().startswith("Training: step"))
    page.click("gan-pause")
    page.wait(lambda: any("the stop button (■)" in str(state.get("value")) for state in page.widgets.values()))
    assert page.status().startswith("Training: step")
    page.manager.interrupt_kernel()
    page.wait(lambda: "trained" in page.text)
    assert page.status().startswith("Ended")
