"""The framework: whatever an answer does, the check says something true and helpful, and the notebook goes on."""

from __future__ import annotations

import functools
import random
import sys
import threading
import time
import types
from contextlib import suppress
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from gan_helpers.exercises import Verdict, calling, check, judging, notebook_04, notebook_07, steps
from gan_helpers.exercises.calling import Hint, is_placeholder
from gan_helpers.exercises.judging import EXERCISES, Comparison, Exercise
from gan_helpers.exercises.values import as_tensor, close, distinct, tell_apart

JUDGES = {name: getattr(exercise.judge, "__self__", None) for name, exercise in EXERCISES.items()}
COMPARISONS = {name: judge for name, judge in JUDGES.items() if isinstance(judge, Comparison)}


def square_cases(draw):
    yield torch.tensor([2.0, -3.0]), 1
    yield draw.normal(3, 4), 2
    yield draw.normal(4, 4), 3
    yield draw.normal(1), 4


@pytest.fixture
def squares(monkeypatch):
    """An exercise of its own: n times the square of x."""

    def reference(x, n):
        return n * x**2

    mistakes = {"the factor n is missing": lambda x, n: x**2, "that is the cube": lambda x, n: n * x**3}
    comparison = Comparison(reference, square_cases, mistakes)
    monkeypatch.setitem(EXERCISES, "squares", Exercise("a square is never negative.", comparison.judge))
    return functools.partial(check, "squares")


# --- not answered yet ---------------------------------------------------------------------------------


def only_a_docstring(*arguments):
    """To be written."""


def only_pass(*arguments):
    pass


def only_dots(*arguments): ...


def returns_dots(*arguments):
    return ...


PLACEHOLDERS = [..., None, lambda *a: ..., lambda *a: None, only_a_docstring, only_pass, only_dots, returns_dots]


@pytest.mark.parametrize("name", EXERCISES)
@pytest.mark.parametrize("answer", PLACEHOLDERS)
def test_a_placeholder_is_not_answered_yet(name, answer):
    assert check(name, answer) == Verdict("not answered yet", "")


def test_a_started_body_that_still_returns_the_dots_is_not_answered_yet(squares):
    def started(x, n):
        y = x**2  # noqa: F841
        return ...

    assert squares(started).state == "not answered yet"
    assert squares(functools.partial(returns_dots)).state == "not answered yet"


@pytest.mark.parametrize("name", EXERCISES)
def test_a_forgotten_return_is_named(name):
    def forgets(*arguments):
        total = len(arguments) + 1
        total += 1

    verdict = check(name, forgets)
    assert verdict.state == "hint"
    assert "return" in verdict.text


def test_placeholders_are_told_from_code():
    assert all(map(is_placeholder, PLACEHOLDERS[2:]))
    assert not is_placeholder(lambda x: x + 1)
    assert not is_placeholder(len)


# --- code that stops, hangs, or leaves ----------------------------------------------------------------


def broken(*arguments):
    first = 1
    raise RuntimeError(f"oh no, {first}")  # the reader's line


@pytest.mark.parametrize("name", EXERCISES)
def test_an_exception_is_told_with_the_readers_line(name):
    verdict = check(name, broken)
    line = broken.__code__.co_firstlineno + 2
    assert verdict.state == "hint"
    assert f"stopped in line {line} (`raise RuntimeError(" in verdict.text
    assert "RuntimeError: oh no, 1" in verdict.text


def test_the_line_is_the_readers_even_where_a_library_raises(squares):
    def wrong_shapes(x, n):
        return x.view(7, 7, 7)

    verdict = squares(wrong_shapes)
    assert f"line {wrong_shapes.__code__.co_firstlineno + 1} (`return x.view(7, 7, 7)`)" in verdict.text


def test_the_line_of_a_cell_without_a_file_is_its_number(squares):
    scope: dict = {}
    exec(compile("def cell(x, n):\n    y = x\n    return y / 'a'", "<cell 5>", "exec"), scope)
    assert "in line 3 with TypeError" in squares(scope["cell"]).text


@pytest.mark.parametrize("leave", [exit, quit, lambda: (_ for _ in ()).throw(SystemExit(3))])
def test_exit_does_not_escape(squares, leave):
    verdict = squares(lambda x, n: leave())
    assert verdict.state == "hint"
    assert "exit()" in verdict.text


def test_exit_in_a_notebook_does_not_end_the_kernel(squares, monkeypatch):
    """IPython's exit() only notes that the kernel is to end."""

    class Shell:
        ended = False

        def ask_exit(self):
            self.ended = True

    shell = Shell()
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    assert "exit()" in squares(lambda x, n: shell.ask_exit()).text
    assert not shell.ended
    shell.ask_exit()
    assert shell.ended


@pytest.mark.parametrize("error", [KeyboardInterrupt, GeneratorExit, RecursionError, MemoryError, StopIteration])
def test_no_exception_escapes(squares, error):
    def raises(x, n):
        raise error

    assert squares(raises).state == "hint"


def endless(*arguments):
    while True:
        pass


def stubborn(*arguments):
    caught = 0
    while True:
        try:
            time.sleep(0.01)
        except:  # noqa: E722
            if (caught := caught + 1) == 2:
                raise


@pytest.fixture
def short_limit(monkeypatch):
    monkeypatch.setattr(calling, "TIME_LIMIT", 0.3)


@pytest.mark.parametrize("answer", [endless, stubborn])
def test_a_hanging_answer_is_ended(squares, short_limit, answer):
    start = time.perf_counter()
    verdict = squares(answer)
    assert verdict.state == "hint"
    assert "still running after 0.3 seconds" in verdict.text
    assert time.perf_counter() - start < 3


def test_a_hanging_answer_is_ended_in_another_thread(squares, short_limit):
    found = []
    thread = threading.Thread(target=lambda: found.append(squares(endless)))
    thread.start()
    thread.join(5)
    assert not thread.is_alive()
    assert "still running" in found[0].text


def test_a_generator_that_never_ends_is_ended(squares, short_limit):
    def forever(x, n):
        while True:
            yield 1

    assert "still running" in squares(forever).text


def test_the_watchdog_leaves_no_exception_behind(monkeypatch):
    monkeypatch.setattr(calling, "TIME_LIMIT", 1e-4)
    for _ in range(300):  # so short that it strikes before, during and after the call
        with suppress(Hint):
            calling.run(time.sleep, 1e-4)
        sum(range(100))  # would be struck here
    time.sleep(0.6)  # or here


# --- what it is called with ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", EXERCISES)
@pytest.mark.parametrize("answer", ["text", 3.5, [1, 2], torch.ones(2)])
def test_an_answer_that_is_no_function_is_told_so(name, answer):
    assert "should be a function" in check(name, answer).text


@pytest.mark.parametrize("name", EXERCISES)
def test_other_parameters_are_told_with_those_of_the_cell(name):
    text = check(name, lambda: 1).text
    assert "keep the parameters" in text
    reference = COMPARISONS.get(name)
    assert reference is None or f"({', '.join(reference.names)})" in text


def test_an_answer_may_change_its_arguments(squares):
    assert squares(lambda x, n: x.mul_(x).mul_(n)).state == "right"
    assert squares(lambda x, n: (x.zero_(), x)[1]).state == "hint"
    # the case that mistakes are tried on, and that is shown, is the one that was handed over
    assert squares(lambda x, n: x.mul_(x)).text.startswith("the factor n is missing")
    assert "for x = [2, -3], n = 1" in squares(lambda x, n: x.mul_(5)).text.lower()


def test_zero_grad_at_the_end_is_told():
    step = steps.step_on(notebook_04._d_loss, "after")
    text = check("discriminator step", lambda g, d, o, x, z, s: step(g, d, o, x, z, s)).text
    assert text.startswith("zero_grad comes last")


@pytest.mark.parametrize("name", EXERCISES)
def test_a_check_leaves_the_readers_state_alone(name):
    def draw():
        return torch.rand(2).tolist(), float(np.random.rand()), random.random()

    states = torch.get_rng_state(), np.random.get_state(), random.getstate()
    expected = draw()
    torch.set_rng_state(states[0])
    np.random.set_state(states[1])
    random.setstate(states[2])
    check(name, lambda *arguments: torch.randn(3) + np.random.randn() + random.gauss(0, 1))
    assert draw() == expected


def test_gradients_are_on_for_the_answer_and_off_again_for_the_reader():
    with torch.no_grad():
        assert check("leaky relu", lambda x, slope: torch.maximum(x, slope * x)).state == "right"
        assert not torch.is_grad_enabled()


@pytest.mark.parametrize("name", ["discriminator step", "leaky relu", "penalty between", "label sheet"])
def test_the_readers_default_type_does_not_matter(name):
    torch.set_default_dtype(torch.float64)
    try:
        assert check(name, lambda *arguments: torch.ones(2)).text.count("the check itself failed") == 0
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


def test_the_judges_own_error_is_not_told_as_the_readers(squares, monkeypatch):
    def fails(answer, seed):
        raise AttributeError("'float' object has no attribute 'item'")

    monkeypatch.setitem(EXERCISES, "squares", Exercise("", fails))
    verdict = squares(lambda x, n: n * x**2)
    assert "the check itself failed with AttributeError" in verdict.text
    assert "not of your answer" in verdict.text


# --- forms of the result ------------------------------------------------------------------------------

VALUE = [[1.0, 2.0], [3.0, 4.5]]
FORMS = {
    "list": VALUE,
    "tuple": tuple(map(tuple, VALUE)),
    "list of tensors": [torch.tensor(row) for row in VALUE],
    "list of arrays": [np.array(row) for row in VALUE],
    "mixed": [[Fraction(1), np.float32(2)], [torch.tensor(3), Decimal("4.5")]],
    "object array": np.array([[1, Fraction(2)], [3.0, Decimal("4.5")]], dtype=object),
    "requires grad": torch.tensor(VALUE, requires_grad=True),
    "generator of rows": None,
    "reversed array": np.array(VALUE)[::-1][::-1],
    "big endian": np.array(VALUE, dtype=">f8"),
    "sparse": torch.tensor(VALUE).to_sparse(),
    "not contiguous": torch.tensor(VALUE).T.contiguous().T,
    "meta of a parameter": nn.Parameter(torch.tensor(VALUE)),
} | {str(dtype): torch.tensor(VALUE, dtype=dtype) for dtype in (torch.float16, torch.bfloat16, torch.float64)}


@pytest.mark.parametrize("form", [form for form in FORMS if FORMS[form] is not None])
def test_any_form_of_numbers_is_read(form):
    found = as_tensor(FORMS[form])
    assert torch.equal(found.double(), torch.tensor(VALUE).double())
    assert not found.requires_grad


ONES = [2, 2.0, np.float32(2), np.array(2), np.array([[2]]), [2], [[2]], (2,), {2}, range(2, 3), Fraction(4, 2)]
ONES += [torch.tensor(2), torch.tensor([2.0]), torch.tensor([[2]], dtype=torch.int8), nn.Parameter(torch.tensor(2.0))]


@pytest.mark.parametrize("one", ONES)
def test_a_single_number_may_come_in_any_form(one):
    assert tell_apart(as_tensor(one).double(), torch.tensor(3.0), 1e-4) == "you give 2; it should be 3."


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (torch.ones(2, 3).median(1), "values and indices: choose one, such as `.values`"),
        (torch.ones(2, 3).max(1), "`.values`"),
        (torch.linalg.svd(torch.ones(2, 2)), "U and S and Vh"),
        ("0.5", "type str"),
        (nn.Linear(1, 1), "type Linear"),
        ({"a": 1}, "type dict"),
        (torch.relu, "call it"),
        ([1, None], "None among the numbers"),
        ([1, ...], "Ellipsis among the numbers"),
        ([[1, 2], [3]], "unequal shape"),
        (1j, "type complex"),
        (torch.tensor([1j]), "complex"),
        (np.array([1j]), "complex"),
        (np.array(["a"]), "not of numbers"),
    ],
)
def test_what_is_not_numbers_is_told(value, words):
    with pytest.raises(Hint, match=".*") as hint:
        as_tensor(value)
    assert words in str(hint.value)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("name", COMPARISONS)
def test_no_exercise_accepts_what_is_not_finite(name, bad):
    comparison = COMPARISONS[name]

    def spoiled(*arguments):
        result = comparison.reference(*arguments) * torch.ones(())
        return result.double().index_fill(0, torch.tensor([0]), bad) if result.ndim else torch.tensor(bad)

    assert check(name, spoiled).state == "hint"


# --- hints --------------------------------------------------------------------------------------------


def test_a_named_mistake_is_told_with_a_case(squares):
    assert squares(lambda x, n: x**2).text.startswith(
        "the factor n is missing. For x = a tensor (3, 4), n = 2 element ["
    )


def test_what_is_no_known_mistake_is_shown_by_case_and_element(squares):
    text = squares(lambda x, n: n * x**2 + (torch.arange(x.numel()) == 1).view(x.shape)).text
    assert text.startswith("for x = [2, -3], n = 1 element [1] is 10; it should be 9.")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda x, n: -n * x**2, "the sign is wrong everywhere"),
        (lambda x, n: 2.5 * n * x**2, "2.5 times what it should be"),
        (lambda x, n: n * x**2 + 3, "in every case you give 3 too much"),
        (lambda x, n: n * x**2 - 0.5, "in every case you give 0.5 too little"),
        (
            lambda x, n: (n * x**2).T if x.ndim == 2 else n * x**2,
            "the shape of your result is (4, 3); it should be (3, 4)",
        ),
        (lambda x, n: (n * x**2).sum(), "the shape of your result is (); it should be (2,)"),
    ],
)
def test_a_pattern_over_all_cases_is_told(squares, answer, words):
    assert words in squares(answer).text


def test_a_mistake_that_explains_one_case_only_is_not_named(squares):
    text = squares(lambda x, n: x**2 if x.shape == (3, 4) else n * x**2 + torch.rand(x.shape)).text
    assert "the factor n is missing" not in text


def test_a_small_gap_beside_large_numbers_is_not_taken_for_a_pattern(squares):
    """The gap is the same share of nothing: three elements of many differ, by amounts of their own."""
    text = squares(lambda x, n: n * x**2 + 0.01 * torch.arange(x.numel()).view(x.shape).float() * (x.numel() > 4)).text
    assert "in every case" not in text
    assert "element [" in text


def test_an_error_in_a_later_case_does_not_hide_the_first_wrong_number(squares):
    text = squares(lambda x, n: x**3 if x.ndim == 1 and len(x) == 2 else 1 / 0).text
    assert "that is the cube" in text


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_two_numbers_shown_as_different_never_look_equal(a, b):
    left, right = distinct(a, b)
    assert (left != right) or a == b


def test_whole_numbers_are_shown_in_full():
    assert distinct(737280.0, 786432.0) == ("737280", "786432")


@given(st.floats(-1e3, 1e3), st.floats(1e-6, 10))
def test_a_hint_never_shows_two_equal_numbers(value, gap):
    expected = torch.tensor(value, dtype=torch.float64)
    if not close(expected + gap, expected, 1e-6).all():
        ours, right = tell_apart(expected + gap, expected, 1e-6).removeprefix("you give ").split("; it should be ")
        assert ours != right.rstrip(".")


@pytest.mark.parametrize("name", COMPARISONS)
@pytest.mark.filterwarnings("ignore")
def test_every_named_mistake_is_told_to_who_makes_it(name):
    comparison = COMPARISONS[name]
    if comparison.forbidden or comparison.required:
        comparison = Comparison(comparison.reference, comparison.cases, comparison.mistakes)
    for text, mistake in comparison.mistakes.items():
        with pytest.raises(Hint) as hint:
            comparison.judge(mistake, 0)
        assert str(hint.value).startswith(text[0].lower() + text[1:].rstrip("."))


@pytest.mark.parametrize("text", notebook_04.D_MISTAKES)
def test_every_mistake_of_a_d_step_is_told(text):
    step = steps.step_on(notebook_04.D_MISTAKES[text])
    assert check("discriminator step", lambda g, d, o, x, z, s: step(g, d, o, x, z, s)).text.startswith(text)


@pytest.mark.parametrize("text", notebook_04.G_MISTAKES)
def test_every_mistake_of_a_g_step_is_told(text):
    step = steps.step_on(notebook_04.G_MISTAKES[text])
    assert check("generator step", lambda g, d, o, z: step(g, d, o, z)).text.startswith(text)


@pytest.mark.parametrize("text", notebook_04.AVERAGE_MISTAKES)
def test_every_mistake_of_an_average_is_told(text):
    assert check("average weights", notebook_04.AVERAGE_MISTAKES[text]).text.startswith(text)


@pytest.mark.parametrize("text", notebook_07.PENALTY_MISTAKES)
def test_every_mistake_of_a_penalty_is_told(text):
    assert check("penalty between", notebook_07.PENALTY_MISTAKES[text]).text == text


def on_g(g, d, z):
    return notebook_04.generator_loss(d(g(z)))


@pytest.mark.parametrize(
    ("name", "answer", "words"),
    [
        ("discriminator step", lambda g, d, o, x, z, s: d(x).mean(), "never makes a step"),
        ("generator step", lambda g, d, o, z: steps.step_on(on_g)(g, d, o, z), "leaves a gradient in"),
        ("leaky relu", lambda x, slope: torch.where(x > 0, x, slope * x), "do without `where`"),
        ("stable bce", lambda x, y: nn.functional.softplus(x) - x * y, "do without `softplus`"),
        ("zeros between", lambda x, kernel, stride: x, "never calls `conv2d`"),
        ("truncated latents", lambda n, k, limit: torch.randn(n, k).clamp(-limit, limit), "pile up"),
        ("truncated latents", lambda n, k, limit: torch.rand(n, k) * 2 * limit - limit, "root mean square"),
        ("fool frechet", lambda real: real, "100 or more different places"),
        ("label sheet", lambda z, k: (z.repeat(k, 1), torch.arange(k * len(z)) * 1.0), "labels of type int64"),
        ("label sheet", lambda z, k: z, "give 2 things back"),
        ("even kernels", lambda stride, most: [0], "sizes run from 1"),
        ("even kernels", lambda stride, most: list(range(1, most + 1)), "[1, 0] stamps"),
        ("mirrored pair", lambda k, shape, widths: (nn.Linear, nn.Linear), "build it, with parentheses"),
    ],
)  # fmt: skip
def test_hints_of_exercises_about_an_effect(name, answer, words):
    assert words in check(name, answer).text


# --- the rest -----------------------------------------------------------------------------------------


def test_an_unknown_exercise_names_the_known_ones():
    with pytest.raises(KeyError, match="there are rescale"):
        check("no such", 1)


def test_verdicts_read_well_in_text_and_html():
    verdict = Verdict("hint", "a < b")
    assert repr(verdict) == "→ hint: a < b"
    assert verdict._repr_html_() == "<b>→ hint</b>: a &lt; b"
    assert repr(Verdict("not answered yet", "")) == "○ not answered yet"


def test_cases_are_drawn_anew_from_each_seed_and_alike_from_the_same():
    for comparison in COMPARISONS.values():
        first, again, other = ([str(case) for case in comparison.cases(judging.Draw(seed))] for seed in (0, 0, 1))
        assert first == again
        assert first != other or comparison.names == ("widths", "batch_norm")
