"""An exercise: a reference answer, a generator of cases, and the mistakes that are often made.

A new exercise is its reference answer, decorated with ``exercise``::

    @exercise("twice", "because 2 x is x + x", cases=twice_cases, mistakes={"that is the square": lambda x: x**2})
    def _twice(x): return 2 * x

For each case the expected result is computed from copies of the arguments, in 64-bit floats, before the answer is
called with copies of its own. So an answer may change what it is given. Mistakes are functions as well: a hint names
one only if, in every case tried, the answer gives what the mistake gives.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from gan_helpers.exercises.calling import Hint, NotAnswered, call, names_in, run
from gan_helpers.exercises.values import as_tensor, close, copied, precise, reshaped, shown, tell_apart, tolerance

Case = tuple[Any, ...]
Cases = Callable[["Draw"], Iterable[Case]]


@dataclass(frozen=True)
class Exercise:
    """``reason`` is what a right answer is told; ``judge(answer, seed)`` raises NotAnswered, a Hint, or nothing."""

    reason: str
    judge: Callable[[Any, int], None]


EXERCISES: dict[str, Exercise] = {}


class Draw:
    """Random numbers for cases: seeded, on the CPU, in float32, whatever the reader's defaults are."""

    def __init__(self, seed: int) -> None:
        self.random = torch.Generator().manual_seed(seed)

    def normal(self, *shape: int) -> Tensor:
        return torch.empty(shape, dtype=torch.float32, device="cpu").normal_(generator=self.random)

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        return torch.empty(shape, dtype=torch.float32, device="cpu").uniform_(low, high, generator=self.random)

    def away_from(self, zero: float, *shape: int) -> Tensor:
        """Numbers of either sign, no nearer to 0 than ``zero``: a function may have no slope there."""
        numbers = self.normal(*shape)
        return numbers + zero * numbers.sign()

    def integers(self, low: int, high: int, *shape: int) -> Tensor:
        """Whole numbers from low to high, both included."""
        return torch.randint(low, high + 1, shape, generator=self.random, device="cpu")

    def integer(self, low: int, high: int) -> int:
        return int(self.integers(low, high))

    def number(self, low: float, high: float) -> float:
        """A float with three decimals, which reads well in a hint."""
        return round(float(self.uniform(low, high)), 3)

    def order(self, n: int) -> Tensor:
        return torch.randperm(n, generator=self.random, device="cpu")

    def until(self, make: Callable[[], Any], good: Callable[..., bool]) -> Any:
        """What ``make`` draws, drawn again until it is good: no ties, nothing near a limit."""
        for _ in range(1000):
            if good(*(drawn := make())):
                return drawn
        raise RuntimeError("a thousand draws, and none was good")

    def labels(self, n: int, classes: int) -> Tensor:
        """(n,) labels in mixed order in which every class occurs."""
        rest = self.integers(0, classes - 1, n - classes)
        return torch.cat([torch.arange(classes), rest])[self.order(n)]


@dataclass
class Trial:
    """One case with what was expected, as a 64-bit tensor, and what the answer gave."""

    case: Case
    expected: Tensor
    found: Tensor
    tolerance: float

    @property
    def right(self) -> bool:
        return agrees(self.found, self.expected, self.tolerance)


def agrees(found: Tensor, expected: Tensor, tolerance: float) -> bool:
    """Do both have the same shape and, within the relative tolerance, the same numbers?"""
    found = reshaped(found, expected)
    return found is not None and bool(close(found, expected, tolerance).all())


class Recorder(TorchFunctionMode):
    """Notes the names of torch's functions while the answer runs."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.add(getattr(function, "__name__", ""))
        return function(*args, **(kwargs or {}))


@dataclass(frozen=True)
class Comparison:
    """Judges an answer whose result can be compared with the reference's, number by number."""

    reference: Callable[..., Any]
    cases: Cases
    mistakes: dict[str, Callable[..., Any]]
    forbidden: tuple[str, ...] = ()
    required: str = ""
    slopes: bool = False  # gradients must flow from the result to the first argument
    look: Callable[[Any], str | None] = field(default=lambda result: None)  # what else a result must be

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(inspect.signature(self.reference).parameters)

    def judge(self, answer: Any, seed: int) -> None:
        trials: list[Trial] = []
        for case in self.cases(Draw(seed)):
            try:
                trials.append(self.try_case(answer, case))
            except Hint as hint:
                if trials and not all(trial.right for trial in trials):
                    break  # the first wrong result says more than an error that came after it
                raise Hint(f"{sentence(hint)} (The case: {self.tell(case)}.)") from None
            if len([trial for trial in trials if not trial.right]) > 3:
                break
        wrong = next((trial for trial in trials if not trial.right), None)
        if wrong is not None:
            raise Hint(self.explain(trials, wrong))
        if self.slopes:
            self.check_slopes(answer, seed)

    def tell(self, case: Case) -> str:
        return ", ".join(f"{name} = {shown(value)}" for name, value in zip(self.names, case, strict=True))

    def expected(self, case: Case) -> Tensor:
        return as_tensor(self.reference(*map(precise, case))).double()

    def try_case(self, answer: Any, case: Case) -> Trial:
        expected = self.expected(case)
        result = self.recorded(answer, case) if self.forbidden or self.required else self.called(answer, case)
        if hint := self.look(result):
            raise Hint(hint)
        found = as_tensor(result)
        return Trial(case, expected, found.double(), tolerance(found))

    def called(self, answer: Any, case: Case) -> Any:
        return call(answer, *map(copied, case), names=self.names)

    def recorded(self, answer: Any, case: Case) -> Any:
        """The same, refused if the answer uses a function that it must not use, or not the one that it must."""
        with Recorder() as recorder:
            result = self.called(answer, case)
        for name in self.forbidden:
            if name in recorder.names | names_in(answer):
                raise Hint(f"the exercise asks you to do without `{name}`")
        if self.required and self.required not in recorder.names:
            raise Hint(f"your code never calls `{self.required}`, which the exercise asks for")
        return result

    def explain(self, trials: list[Trial], wrong: Trial) -> str:
        """The hint for results that differ: a mistake that explains them all, or the first number that differs."""
        named = (text for text, mistake in self.mistakes.items() if all(_made(mistake, trial) for trial in trials))
        text = next(named, None) or _pattern(trials)
        shown = f"For {self.tell(wrong.case)} {tell_apart(wrong.found, wrong.expected, wrong.tolerance)}"
        return f"{text[0].lower()}{sentence(text[1:])} {shown}" if text else f"{shown[0].lower()}{shown[1:]}"

    def check_slopes(self, answer: Any, seed: int) -> None:
        for case in self.cases(Draw(seed)):
            given, weights = case[0].clone().requires_grad_(), Draw(seed + 1).normal(*self.expected(case).shape)
            exact = case[0].double().requires_grad_()
            (expected,) = torch.autograd.grad((self.reference(exact, *case[1:]) * weights).sum(), exact)
            # a copy is handed over, as a hidden layer would be: it may be changed in place
            result = call(answer, given.clone(), *map(copied, case[1:]))
            if not isinstance(result, Tensor) or not result.requires_grad:
                raise Hint(
                    "the values are right, but no gradient flows back through them: stay with torch's operations."
                )
            (slope,) = self.slopes_of(result, given, weights)
            if not agrees(slope.double(), expected, tolerance(slope)):
                different = tell_apart(slope.double(), expected, tolerance(slope))
                raise Hint(f"the values are right, but not the gradients: for {self.tell(case)} {different}")

    def slopes_of(self, result: Tensor, given: Tensor, weights: Tensor) -> tuple[Tensor, ...]:
        try:
            return run(lambda: torch.autograd.grad((result.reshape(weights.shape) * weights).sum(), given))
        except Hint as hint:
            raise Hint(f"the values are right, but no gradient flows back through them: {hint}") from None


def _made(mistake: Callable[..., Any], trial: Trial) -> bool:
    """Does the mistake give what the answer gave? (A mistake may fail on a case: then it was not this one.)"""
    with warnings.catch_warnings(), suppress(Exception):
        warnings.simplefilter("ignore")
        result = as_tensor(mistake(*map(copied, trial.case))).double()
        if result.shape == trial.found.shape and agrees(trial.found, result, max(trial.tolerance, 1e-4)):
            return trial.right or explains(result, trial.found, reshaped(trial.expected, trial.found))
    return False


def explains(model: Tensor, found: Tensor, expected: Tensor | None) -> bool:
    """Is what the model leaves of the gap between found and expected small beside that gap?"""
    if expected is None or not found.isfinite().all():
        return True
    return bool((found - model).abs().max() <= 0.05 * (found - expected).abs().max())


def _pattern(trials: list[Trial]) -> str | None:
    """One factor or one difference between all that was given and all that was expected."""
    pairs = [(reshaped(trial.found, trial.expected), trial.expected) for trial in trials]
    if any(found is None for found, _ in pairs):
        return None
    found, expected = (torch.cat([part.flatten() for part in parts]) for parts in zip(*pairs, strict=True))
    if len(expected) < 2 or expected.std() < 1e-6 * expected.abs().max() or not found.isfinite().all():
        return None
    factor = float((found * expected).sum() / expected.square().sum())
    shift = float((found - expected).mean())
    patterns = {
        "the sign is wrong everywhere": -expected,
        f"in every case you give {factor:.4g} times what it should be": factor * expected,
        f"in every case you give {abs(shift):.4g} too {'much' if shift > 0 else 'little'}": expected + shift,
    }
    fits = (text for text, model in patterns.items() if explains(model, found, expected) and agrees(found, model, 1e-3))
    return next(fits, None)


def exercise(name: str, reason: str, cases: Cases, mistakes: dict[str, Callable[..., Any]], **options: Any) -> Callable:
    """Register the decorated function as the reference answer of the exercise ``name``."""

    def register(reference: Callable[..., Any]) -> Callable[..., Any]:
        EXERCISES[name] = Exercise(reason, Comparison(reference, cases, mistakes, **options).judge)
        return reference

    return register


def effect(name: str, reason: str) -> Callable:
    """Register the decorated judge, ``judge(answer, draw)``, of an exercise about what an answer does."""

    def register(judge: Callable[[Any, Draw], None]) -> Callable[[Any, Draw], None]:
        EXERCISES[name] = Exercise(reason, lambda answer, seed: judge(answer, Draw(seed)))
        return judge

    return register


def sentence(text: object) -> str:
    """With a full stop, if it does not end in a mark already."""
    return f"{text}" if str(text).endswith((".", "?", "!")) else f"{text}."


def parts(value: Any, *names: str) -> Iterator[Any]:
    """The parts of a result that is a pair or more, refused with words if it is not."""
    if not isinstance(value, (tuple, list)) or len(value) != len(names):
        raise Hint(f"give {len(names)} things back, {' and '.join(names)}, as in `return {', '.join(names)}`.")
    if any(part is ... for part in value):
        raise NotAnswered
    for name, part in zip(names, value, strict=True):
        if part is None:
            raise Hint(f"of what you give back, the {name.removesuffix('s')} part is None.")
    return iter(value)
