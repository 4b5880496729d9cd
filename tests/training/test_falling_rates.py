from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gan_helpers.models import Discriminator, Generator
from gan_helpers.training import Settings, train_gan

IMAGES = torch.rand(32, 1, 6, 6) * 2 - 1


def trained(steps: int, decay_from: int, **options):
    torch.manual_seed(0)
    pair = Generator(4, (1, 6, 6), widths=(8,)), Discriminator((1, 6, 6), widths=(8,))
    chosen = Settings(batch_size=16, g_lr=3e-3, d_lr=2e-3, lr_decay_from=decay_from)
    return train_gan(*pair, IMAGES, epochs=steps / 2, settings=chosen, **options)


@settings(max_examples=15, deadline=None)
@given(steps=st.integers(1, 30), decay_from=st.integers(0, 20))
def test_rates_fall_as_one_over_the_step(steps, decay_from):
    seen = []
    trained(steps, decay_from, callbacks=[lambda run: seen.append((run.step + 1, run.lrs))])
    for coming, lrs in seen:  # the rates that the next step will use
        fall = decay_from / coming if 0 < decay_from < coming else 1.0
        assert lrs == pytest.approx((3e-3 * fall, 2e-3 * fall))


def test_an_interrupted_run_goes_on_with_the_rates_it_had(tmp_path):
    def stop(run):
        run.stop = run.step == 7

    path = tmp_path / "run.safetensors"
    trained(12, 3, checkpoint=path, callbacks=[stop])
    resumed, whole = trained(12, 3, checkpoint=path, resume=True), trained(12, 3)
    assert resumed.step == 12
    assert resumed.lrs == whole.lrs
    assert torch.equal(resumed.history.rows(), whole.history.rows())


def test_a_rate_that_a_reader_changes_falls_from_where_it_was_put():
    def change(run):
        if run.step == 10:
            run.lrs = 1e-4, 0.0

    assert trained(40, 5, callbacks=[change]).lrs == pytest.approx((1e-4 * 11 / 41, 0.0))


def test_a_falling_point_below_zero_is_refused():
    with pytest.raises(ValueError, match="lr_decay_from=-1: give a step"):
        Settings(lr_decay_from=-1)
