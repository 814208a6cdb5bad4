"""Where networks run, told with a device that computes nothing: no GPU is needed."""

from __future__ import annotations

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from repro.lab import devices
from repro.lab.attacks.fgsm import loss_gradient
from repro.lab.attacks.iterative import AS_CODED, attack
from repro.lab.networks.cnn import Cnn
from repro.lab.networks.cnn_training import CnnRecipe
from repro.lab.networks.mlp import LAYERS, Mlp

SHAPES = {Mlp: LAYERS, Cnn: CnnRecipe(0).shapes()}


class Elsewhere(TorchDispatchMode):
    """``meta`` as a device like any other: nothing mixes it with the CPU, and copies come back."""

    def __init__(self) -> None:
        super().__init__()
        self.products = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        found = {t.device.type for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)}
        if func is torch.ops.aten._to_copy.default:
            if found == {"meta"} and torch.device(kwargs.get("device") or "meta").type == "cpu":
                return torch.ones(args[0].shape, dtype=kwargs.get("dtype") or args[0].dtype)
        elif func is not torch.ops.aten.copy_.default:
            assert len(found) <= 1, f"{func} mixes devices"
        if func in (torch.ops.aten.mm.default, torch.ops.aten.convolution.default):
            self.products |= found
        return func(*args, **kwargs)


@pytest.mark.parametrize("kind", SHAPES)
def test_a_network_runs_where_its_weights_lie_and_attacks_stay_with_the_images(kind):
    network = kind({n: torch.zeros(shape, device="meta") for n, shape in SHAPES[kind].items()})
    x, y = torch.full((3, 784), 0.5), torch.zeros(3, dtype=torch.int64)
    with Elsewhere() as elsewhere:
        logits = network(x)
        gradient = loss_gradient(network, x, y)
        found = attack(network, x, y, switches=AS_CODED, max_iterations=2)
    assert (logits.device.type, logits.shape) == ("cpu", (3, 10))
    assert (gradient.device.type, gradient.dtype) == ("cpu", torch.float64)
    assert found.noise.device.type == "cpu"
    assert elsewhere.products == {"meta"}


def test_convolutions_keep_all_bits_of_float32(monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    devices.prepare_device("cpu")
    assert not torch.backends.cudnn.allow_tf32
