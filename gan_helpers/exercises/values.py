"""What a reader gives back, in whatever form, as numbers; and how numbers are compared and shown."""

from __future__ import annotations

import copy
import numbers
import re
from collections.abc import Set
from decimal import Decimal
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gan_helpers.exercises.calling import Hint

MOST_SHOWN = 6  # elements of a tensor that a hint writes out


def as_tensor(value: Any) -> Tensor:
    """Numbers of any form as a tensor on the CPU without gradient; half precision stays, all else is 64-bit.

    Takes Python numbers, NumPy, tensors of any kind, and nested lists, tuples, ranges and sets of them.

    Raises:
        Hint: it holds something else, complex numbers, or parts of unequal shape.
    """
    if isinstance(value, Tensor):
        return _real(value.detach().to_dense() if value.layout != torch.strided else value.detach().cpu())
    if _is_named_tuple_of_torch(value):
        fields = re.findall(r"^(\w+)=", repr(value).partition("(")[2], re.MULTILINE)
        raise Hint(f"your result holds several tensors, {' and '.join(fields)}: choose one, such as `.{fields[0]}`.")
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype != object:
        return _from_numpy(np.asarray(value))
    if isinstance(value, (numbers.Real, Decimal)):
        return torch.tensor(float(value), dtype=torch.float64)
    if isinstance(value, Set):
        return as_tensor(sorted(value))
    if isinstance(value, (list, tuple, range, np.ndarray)):
        return _stacked([as_tensor(part) for part in value])
    if hasattr(value, "__array__"):
        return as_tensor(np.asarray(value))
    raise Hint(_not_numbers(value))


def _is_named_tuple_of_torch(value: Any) -> bool:
    return type(value).__module__ == "torch.return_types"


def _real(value: Tensor) -> Tensor:
    if value.is_complex():
        raise Hint("your result holds complex numbers; real ones are asked for.")
    value = value.cpu().clone()
    return value if value.dtype in (torch.float16, torch.bfloat16) else value.double()


def _from_numpy(value: np.ndarray) -> Tensor:
    if value.dtype.kind == "c":
        raise Hint("your result holds complex numbers; real ones are asked for.")
    if value.dtype.kind not in "biuf":
        raise Hint(f"your result is an array of {value.dtype}, not of numbers.")
    return torch.from_numpy(np.array(value, dtype=np.float16 if value.dtype == np.float16 else np.float64))


def _stacked(rows: list[Tensor]) -> Tensor:
    if not rows:
        return torch.zeros(0, dtype=torch.float64)
    if len({row.shape for row in rows}) > 1:
        shapes = " and ".join(str(tuple(shape)) for shape in sorted({row.shape for row in rows}))
        raise Hint(f"your result is a list of parts of unequal shape, {shapes}.")
    return torch.stack(rows)


def _not_numbers(value: Any) -> str:
    if value is None or value is ...:
        return f"there is a {value} among the numbers that you give back."
    if callable(value) and not isinstance(value, nn.Module):
        return f"your result is the function {getattr(value, '__name__', '')} itself: call it, with parentheses."
    return f"your result is of type {type(value).__name__}, not numbers."


def tolerance(value: Tensor) -> float:
    """The relative error that is put down to rounding: half precision keeps three digits, bfloat16 two."""
    return {torch.float16: 0.01, torch.bfloat16: 0.05}.get(value.dtype, 2e-4)


# --- comparing ----------------------------------------------------------------------------------------


def reshaped(found: Tensor, expected: Tensor) -> Tensor | None:
    """found in expected's shape: a single number may come in any form. None where the shapes differ."""
    if found.shape == expected.shape:
        return found
    return found.reshape(expected.shape) if found.numel() == expected.numel() == 1 and expected.ndim < 2 else None


def close(found: Tensor, expected: Tensor, relative: float) -> Tensor:
    """Which elements agree, relative to their own size and to the mean size of all."""
    finite = expected[expected.isfinite()].abs()
    scale = max(float(finite.mean()), 0.01) if finite.numel() else 0.01
    near = (found - expected).abs() <= relative * (expected.abs() + scale)
    return (found == expected) | (near & expected.isfinite()) | (found.isnan() & expected.isnan())


# --- copies -------------------------------------------------------------------------------------------


def copied(value: Any) -> Any:
    """A copy that may be changed without a trace in the original."""
    if isinstance(value, Tensor):
        return value.detach().clone().requires_grad_(value.requires_grad)
    return copy.deepcopy(value)


def precise(value: Any) -> Any:
    """The same, with floats in 64 bits."""
    if isinstance(value, Tensor):
        return value.detach().double() if value.is_floating_point() else value.clone()
    return copy.deepcopy(value).double() if isinstance(value, nn.Module) else copy.deepcopy(value)


# --- showing ------------------------------------------------------------------------------------------


def shown(value: Any) -> str:
    """An argument in a few words: small ones in full, large ones by their shape."""
    if isinstance(value, Tensor):
        if value.numel() <= MOST_SHOWN:
            return _listed(value.tolist())
        kind = "" if value.dtype == torch.float32 else f" {str(value.dtype).removeprefix('torch.')}"
        article = "an" if kind.startswith(" i") else "a"
        return f"{article}{kind} tensor {tuple(value.shape)}"
    if isinstance(value, nn.Module):
        return f"a {type(value).__name__}"
    return _listed(value) if isinstance(value, (list, tuple, float, int)) else type(value).__name__


def _listed(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        inner = ", ".join(map(_listed, value))
        return f"[{inner}]" if isinstance(value, list) else f"({inner}{',' * (len(value) == 1)})"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def tell_apart(found: Tensor, expected: Tensor, relative: float) -> str:
    """The first element that differs, as a sentence in which the two numbers never look the same."""
    ours = reshaped(found, expected)
    if ours is None:
        wanted = "a single number" if expected.ndim == 0 else str(tuple(expected.shape))
        return f"the shape of your result is {tuple(found.shape)}; it should be {wanted}."
    wrong = (~close(ours, expected, relative)).nonzero()
    place = tuple(wrong[0].tolist())
    a, b = distinct(float(ours[place]), float(expected[place]))
    if expected.ndim == 0:
        return f"you give {a}; it should be {b}."
    index = ", ".join(map(str, place))
    many = "" if len(wrong) == 1 else f" ({len(wrong)} of {expected.numel()} elements differ)"
    return f"element [{index}] is {a}; it should be {b}{many}."


def distinct(a: float, b: float) -> tuple[str, str]:
    """Two numbers with as many digits as it takes to see the difference, four at least; whole numbers in full."""
    for digits in range(4, 18):
        texts = tuple(f"{x:.0f}" if x.is_integer() and abs(x) < 1e15 else f"{x:.{digits}g}" for x in (a, b))
        if texts[0] != texts[1]:
            break
    return texts[0], texts[1]
