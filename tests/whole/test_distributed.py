"""Two processes with a half of the batch each compute what one process computes with all of it: value and gradient."""

import os
import socket
from datetime import timedelta

import pytest
import torch
import torch.distributed as distributed
import torch.nn.functional as F
from torch import nn

from eccl.config import LossConfig
from eccl.training.losses import Contrast, gather, trait_loss

WORLD = 2
ROWS = 6  # of the whole batch
LOSSES = ("clip", "nt_xent", "triplet")


class Pair(nn.Module):
    """Linear encoders of both modalities and a trait head."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.ecg, self.cmr, self.head = nn.Linear(4, 3), nn.Linear(5, 3), nn.Linear(4, 2)

    def forward(self, ecg, cmr):
        return F.normalize(self.ecg(ecg), dim=-1), F.normalize(self.cmr(cmr), dim=-1), self.head(ecg)


def batch():
    generator = torch.Generator().manual_seed(1)
    return tuple(torch.randn(ROWS, width, generator=generator) for width in (4, 5, 2))


def step(model, name, ecg, cmr, traits, combine):
    """Value and gradients of a training step: the loss of combined embeddings plus the trait loss of the own rows."""
    z_ecg, z_cmr, prediction = model(ecg, cmr)
    config = LossConfig(name=name, alpha=0.3, margin=0.5)
    value = Contrast(config)(combine(z_ecg), combine(z_cmr)) + trait_loss(prediction, traits)
    value.backward()
    return {"value": value.detach(), **{key.removeprefix("module."): p.grad for key, p in model.named_parameters()}}


def work(rank, folder):
    """What each process runs: torch's own data-parallel wrapper averages the gradients over processes."""
    torch.set_num_threads(1)
    if "lo" in dict(map(reversed, socket.if_nameindex())):
        os.environ["GLOO_SOCKET_IFNAME"] = "lo"  # else a host name that does not resolve stops the test
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=WORLD, timeout=timedelta(seconds=60)
    )
    half = slice(rank * ROWS // WORLD, (rank + 1) * ROWS // WORLD)
    results = {}
    for combine in (gather, torch.clone):
        for name in LOSSES:
            model = nn.parallel.DistributedDataParallel(Pair())
            result = step(model, name, *(part[half] for part in batch()), combine)
            distributed.all_reduce(result["value"])  # the trait loss differs by process, as the rows do
            result["value"] /= WORLD
            results[combine.__name__, name] = result
    torch.save(results, f"{folder}/{rank}.pt")
    distributed.destroy_process_group()


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("processes")
    torch.multiprocessing.spawn(work, args=(str(folder),), nprocs=WORLD)
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(WORLD)]


@pytest.mark.parametrize("name", LOSSES)
def test_value_and_gradient_equal_one_process(name, results):
    expected = step(Pair(), name, *batch(), combine=gather)
    for rank in range(WORLD):
        for key, value in expected.items():
            torch.testing.assert_close(results[rank]["gather", name][key], value, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_without_the_gather_they_would_differ(name, results):
    expected = step(Pair(), name, *batch(), combine=gather)
    alone = results[0]["clone", name]
    assert abs(alone["value"] - expected["value"]) > 1e-3
    assert (alone["ecg.weight"] - expected["ecg.weight"]).abs().max() > 1e-3
