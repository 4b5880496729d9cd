"""Notebook 08: right and wrong forms of every answer, in the styles that readers write."""

from __future__ import annotations

from collections import Counter
from itertools import product

import numpy as np
import torch
import torch.nn.functional as F

RIGHT: dict[str, list] = {}
WRONG: dict[str, list] = {}


# --- every label -------------------------------------------------------------------------------------


def labels_by_loop(features, vectors, rest):
    table = []
    for i in range(len(features)):
        table.append([float(rest[i] + (features[i] * vector).sum()) for vector in vectors])
    return table


def labels_one_class_at_a_time(features, vectors, rest):
    out = torch.zeros(len(features), len(vectors))
    for k in range(len(vectors)):
        out[:, k] = (features * vectors[k]).sum(1) + rest
    return out


RIGHT["every label"] = [
    labels_by_loop,
    labels_one_class_at_a_time,
    lambda f, v, rest: torch.einsum("nf,kf->nk", f, v) + rest.unsqueeze(1),
    lambda f, v, rest: (vectors_T := v.t()) is not None and f.matmul(vectors_T) + rest.reshape(-1, 1),
    lambda f, v, rest: f.numpy() @ v.numpy().T + rest.numpy()[:, None],
    lambda f, v, rest: torch.stack([rest + f @ vector for vector in v], dim=1),
    lambda f, v, rest: F.linear(f.double(), v.double()) + rest.double().view(-1, 1),
    lambda f, v, rest: (f[:, None] * v[None]).sum(-1) + rest[:, None].expand(-1, len(v)),
]
WRONG["every label"] = [
    lambda f, v, rest: f @ v.T,
    lambda f, v, rest: (rest[:, None] + f @ v.T).T,
    lambda f, v, rest: f @ v.T + rest,
    lambda f, v, rest: f @ v.T - rest[:, None],
    lambda f, v, rest: rest + (f @ v.T).sum(1),
    lambda f, v, rest: (rest[:, None] + f @ v.T).softmax(1),
    lambda f, v, rest: (rest[:, None] + f @ v.T).log_softmax(1),
    lambda f, v, rest: (rest[:, None] + f @ v.T).max(1),
    lambda f, v, rest: (rest[:, None] + f @ v.T).argmax(1),
    lambda f, v, rest: rest[:, None] * (f @ v.T),
    lambda f, v, rest: rest[:, None] + torch.cdist(f, v),
    lambda f, v, rest: rest[:, None] + F.cosine_similarity(f[:, None], v, dim=2),
    lambda f, v, rest: rest[:, None] + f @ F.normalize(v, dim=1).T,
    lambda f, v, rest: (rest[:, None] + f @ v.T).sigmoid(),
    lambda f, v, rest: rest.mean() + f @ v.T,
]


# --- class agreement ---------------------------------------------------------------------------------


def agreement_by_counting(read, asked, classes):
    asked_for, right = Counter(asked.tolist()), Counter()
    for r, a in zip(read.tolist(), asked.tolist(), strict=True):
        right[a] += r == a
    return [right[k] / asked_for[k] for k in range(classes)]


def agreement_scatter(read, asked, classes):
    hits = torch.zeros(classes).scatter_add_(0, asked, (read == asked).float())
    return hits / torch.bincount(asked, minlength=classes)


def agreement_table(read, asked, classes):
    table = torch.zeros(classes, classes)
    table.index_put_((asked, read), torch.ones(len(read)), accumulate=True)
    return (table / table.sum(1, keepdim=True)).diagonal()


RIGHT["class agreement"] = [
    agreement_by_counting,
    agreement_scatter,
    agreement_table,
    lambda read, asked, k: torch.bincount(asked[read == asked], minlength=k) / torch.bincount(asked, minlength=k),
    lambda read, asked, k: np.array([(read.numpy() == i)[asked.numpy() == i].mean() for i in range(k)]),
    lambda read, asked, k: (
        (F.one_hot(asked, k) * (read == asked)[:, None]).sum(0).double() / F.one_hot(asked, k).sum(0)
    ),
    lambda read, asked, k: tuple(((read == asked) & (asked == i)).sum() / (asked == i).sum() for i in range(k)),
    lambda read, asked, k: torch.stack([(read == asked)[asked == i].half().mean() for i in range(k)]),
]
WRONG["class agreement"] = [
    lambda read, asked, k: (read == asked).float().mean(),
    lambda read, asked, k: torch.stack([(asked[read == i] == i).float().mean() for i in range(k)]),
    lambda read, asked, k: torch.bincount(asked[read == asked], minlength=k),
    lambda read, asked, k: torch.bincount(asked[read == asked], minlength=k) / len(asked),
    lambda read, asked, k: torch.bincount(read, minlength=k) / torch.bincount(asked, minlength=k),
    lambda read, asked, k: 1 - agreement_scatter(read, asked, k),
    lambda read, asked, k: torch.ones(k),
    lambda read, asked, k: agreement_scatter(read, asked, k)[:-1],
    lambda read, asked, k: [(read[asked == i] == i).float().mean() for i in range(1, k + 1)],
    lambda read, asked, k: torch.bincount(asked[read == asked]) // torch.bincount(asked, minlength=k),
    lambda read, asked, k: torch.stack([(read == i).float().mean() for i in range(k)]),
    lambda read, asked, k: agreement_scatter(read, asked, k).flip(0),
    lambda read, asked, k: 100 * agreement_scatter(read, asked, k),
    lambda read, asked, k: agreement_scatter(read, asked, 10),
    lambda read, asked, k: agreement_scatter(read, asked, k).min(),
]


# --- label sheet -------------------------------------------------------------------------------------


def sheet_by_loop(latents, classes):
    rows, labels = [], []
    for k in range(classes):
        for z in latents:
            rows.append(z)
            labels.append(k)
    return torch.stack(rows), torch.tensor(labels)


def sheet_by_product(latents, classes):
    places = list(product(range(classes), range(len(latents))))
    return latents[[i for _, i in places]], torch.LongTensor([k for k, _ in places])


RIGHT["label sheet"] = [
    sheet_by_loop,
    sheet_by_product,
    lambda z, k: (torch.cat([z] * k), torch.arange(k)[:, None].expand(k, len(z)).flatten()),
    lambda z, k: [z.repeat(k, 1), torch.arange(k * len(z)) // len(z)],
    lambda z, k: (z.expand(k, -1, -1).reshape(-1, z.shape[1]), torch.arange(k).repeat(len(z), 1).T.reshape(-1)),
    lambda z, k: (z[torch.arange(k * len(z)) % len(z)], torch.from_numpy(np.repeat(np.arange(k), len(z))).long()),
    lambda z, k: (torch.tile(z, (k, 1)), torch.cat([torch.full((len(z),), i) for i in range(k)])),
]
WRONG["label sheet"] = [
    lambda z, k: (z.repeat_interleave(k, 0), torch.arange(k).repeat(len(z))),
    lambda z, k: (z.repeat(k, 1), torch.arange(k).repeat(len(z))),
    lambda z, k: (z.repeat_interleave(k, 0), torch.arange(k).repeat_interleave(len(z))),
    lambda z, k: (z.repeat(k, 1), torch.arange(k).repeat_interleave(len(z)).float()),
    lambda z, k: (z.repeat(k, 1), torch.arange(k).repeat_interleave(len(z)).int()),
    lambda z, k: (z.repeat(k, 1), [i for i in range(k) for _ in z]),
    lambda z, k: (z.repeat(k, 1).numpy(), torch.arange(k).repeat_interleave(len(z))),
    lambda z, k: (torch.arange(k).repeat_interleave(len(z)), z.repeat(k, 1)),
    lambda z, k: z.repeat(k, 1),
    lambda z, k: (z.repeat(k, 1), torch.arange(1, k + 1).repeat_interleave(len(z))),
    lambda z, k: (z, torch.arange(k)),
    lambda z, k: (z.expand(k, -1, -1), torch.arange(k).repeat_interleave(len(z))),
    lambda z, k: (z.repeat(k, 1), torch.arange(k).repeat_interleave(len(z))[:, None]),
    lambda z, k: (z.repeat(10, 1), torch.arange(10).repeat_interleave(len(z))),
    lambda z, k: (torch.randn(len(z) * k, z.shape[1]), torch.arange(k).repeat_interleave(len(z))),
    lambda z, k: (z.repeat(k, 1), torch.zeros(k * len(z), dtype=torch.long)),
]
