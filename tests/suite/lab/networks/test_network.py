"""Modules of every kind as networks of the suite; the modules are never changed."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx
from torch.nn import functional

from repro.errors import ArgumentError, NetworkError
from repro.lab.attacks.common_noise import craft
from repro.lab.attacks.fgsm import fgsm, loss_gradient
from repro.lab.attacks.iterative import AS_WRITTEN, attack
from repro.lab.attacks.metrics import predict
from repro.lab.networks.network import as_network


class Transformer(nn.Module):
    """A vision transformer of two layers, 16 patches an image."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(1, 32, 7, stride=7)
        self.register_buffer("places", torch.randn(1, 16, 32) * 0.1)
        layer = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.patches(x).flatten(2).transpose(1, 2) + self.places
        return self.head(self.encoder(tokens).mean(dim=1))


def mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(784, 32), nn.Dropout(0.5), nn.ReLU(), nn.Linear(32, 10))


def cnn() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(1, 8, 5, stride=3), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.5)),
        *(nn.Flatten(), nn.Linear(512, 10)),
    )


def compiled() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # in what torch loads for it
        return torch.compile(cnn())


def bfloat16() -> nn.Module:
    return cnn().to(torch.bfloat16)


def without_weights() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.AdaptiveAvgPool1d(10))


KINDS = {
    mlp: (784,),
    cnn: (1, 28, 28),
    compiled: (1, 28, 28),
    bfloat16: (1, 28, 28),
    Transformer: (1, 28, 28),
    without_weights: (1, 28, 28),
}
X = torch.rand(6, 784, generator=torch.Generator().manual_seed(1))
Y = torch.arange(6)


def state(module: nn.Module) -> list[object]:
    """All of a module that an attack could change."""
    tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    return [
        [(m.training, type(m)) for m in module.modules()],
        {n: (t.dtype, t.requires_grad, t.grad, t.tolist()) for n, t in tensors.items()},
    ]


@pytest.fixture(autouse=True)
def _same_weights() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_module_becomes_a_network_and_stays_what_it_was(kind: Callable[[], nn.Module]) -> None:
    module = kind()
    before = state(module)
    network = as_network(module)
    assert network.shape == KINDS[kind]
    expected = copy.deepcopy(getattr(module, "_orig_mod", module)).double().eval()
    for dtype, tolerance in ((torch.float64, 1e-9), (torch.float32, 1e-4)):
        x = X.to(dtype)
        logits = network.to(dtype)(x)
        assert (logits.dtype, logits.shape) == (dtype, (6, 10))
        exact = expected(X.double().reshape(-1, *network.shape))
        torch.testing.assert_close(logits.double(), exact, rtol=0, atol=tolerance)
    loss_gradient(network, X, Y)
    attack(network, X, Y, switches=AS_WRITTEN, max_iterations=2)
    craft(network, [X[:2]], [0], eps=[0.1], switches=AS_WRITTEN, epochs=1)
    assert state(module) == before


def test_training_on_changes_the_module_and_not_the_network() -> None:
    module = cnn()
    network = as_network(module)
    before = network(X)
    with torch.no_grad():
        module[0].weight.zero_()
    assert torch.equal(network(X), before)


def test_the_attack_is_on_what_the_module_computes() -> None:
    module = cnn().double().eval()
    image = X.double().reshape(-1, 1, 28, 28).requires_grad_()
    cost = functional.cross_entropy(module(image), Y, reduction="sum")
    (expected,) = torch.autograd.grad(cost, image)
    gradient = loss_gradient(as_network(module.float()), X, Y)
    assert torch.equal(gradient.sign(), expected.flatten(1).sign())


def test_images_worked_on_in_place_are_not_the_caller_s() -> None:
    class InPlace(nn.Flatten):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x.sub_(0.5).mul_(2.0))

    network = as_network(nn.Sequential(InPlace(), nn.Linear(784, 10)))
    before = X.clone()
    predict(network, X)
    fgsm(X, loss_gradient(network, X, Y), eps=0.1)
    assert torch.equal(X, before)


# What is no network


class Returning(nn.Module):
    """Gives what ``make`` makes of the logits."""

    def __init__(self, make: Callable[[Tensor], object]) -> None:
        super().__init__()
        self.logits, self.make = nn.Linear(784, 10), make

    def forward(self, x: Tensor) -> object:
        return self.make(self.logits(x.flatten(1)))


class Constant(nn.Module):
    """Computes with a float32 tensor that it did not register."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.randn(784, 10)

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1) @ self.weight


class Complex(nn.Module):
    """Has weights of which a cast to float64 drops the imaginary parts."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(393, dtype=torch.complex64))
        self.logits = nn.Linear(784, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.logits(torch.fft.irfft(torch.fft.rfft(x.flatten(1)) * self.weight, 784))


class Rounding(torch.autograd.Function):
    """Has a backward in ``dtype`` alone."""

    @staticmethod
    def forward(ctx: FunctionCtx, z: Tensor, dtype: torch.dtype) -> Tensor:
        ctx.dtype = dtype
        return z.round()

    @staticmethod
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient @ torch.eye(10, dtype=ctx.dtype), None


def rounded(dtype: torch.dtype) -> nn.Module:
    return Returning(lambda z: Rounding.apply(z, dtype))


@pytest.mark.parametrize(
    ("module", "found", "do"),
    [
        (lambda x: x, "a function", "give the module"),
        (nn.Linear(100, 10), "784", "takes images of one of these shapes"),
        (nn.Linear(784, 9), r"\(4, 9\) of images \(4, 784\)", "takes images"),
        (nn.Linear(28, 10), r"\(4, 1, 28, 10\)", "takes images"),
        (Returning(lambda z: (z, z)), "gives a tuple", "takes images"),
        (Returning(lambda z: z / 0), "logits that are not finite", "weights"),
        (Returning(lambda z: z.detach()), "without a gradient", "no_grad"),
        (
            Returning(lambda z: z.detach() + torch.zeros(1, requires_grad=True)),
            "without a gradient",
            "no_grad",
        ),
        (Returning(lambda z: torch.from_numpy(z.numpy())), "fails on images", "module"),
        (
            Returning(lambda z: 1.01 * z if z.dtype == torch.float32 else z),
            "other logits in torch.float64",
            "autocast",
        ),
        (Returning(functional.dropout), "other logits", "dropout that ignores"),
        (Returning(lambda z: z - z.mean(dim=0)), "other logits", "batch norm without"),
        (nn.LazyLinear(10), "cannot be copied and frozen", "as it was built"),
        (nn.Linear(784, 10, device="meta"), "out of meta tensor", "takes images"),
        (Complex(), "other logits in torch.float64 than in torch.float32", "imaginary parts"),
        (rounded(torch.float32), "backward fails in torch.float64", "dtype that it is given"),
        (rounded(torch.float64), "backward fails in torch.float32", "dtype that it is given"),
    ],
)
def test_what_is_no_network_is_a_clear_error(module: nn.Module, found: str, do: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns of complex modules, and of their casts
        with pytest.raises(NetworkError, match=found) as caught:
            as_network(module)
    assert do in caught.value.do


def test_a_tensor_that_is_not_registered_is_named_where_it_matters() -> None:
    network = as_network(Constant())
    attack(network, X, Y, switches=AS_WRITTEN, max_iterations=1)
    with pytest.raises(NetworkError, match="float64") as caught:
        loss_gradient(network, X, Y)
    assert "buffers" in caught.value.do


@pytest.mark.parametrize(
    ("make", "sign"),
    [
        (lambda z: z.softmax(dim=1), "look like probabilities"),
        (lambda z: z.log_softmax(dim=1), "look like log-probabilities"),
    ],
)
def test_probabilities_are_warned_of(make: Callable[[Tensor], Tensor], sign: str) -> None:
    with pytest.warns(UserWarning, match=sign) as caught:
        as_network(Returning(make))
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        as_network(Returning(lambda z: z))


@pytest.mark.parametrize(
    "use",
    [
        lambda module: loss_gradient(module, X, Y),
        lambda module: attack(module, X, Y, switches=AS_WRITTEN),
        lambda module: craft(module, [X], [0], eps=[0.1], switches=AS_WRITTEN),
        lambda module: predict(module, X),
    ],
)
def test_a_bare_module_is_refused_and_left_alone(use: Callable[[nn.Module], object]) -> None:
    module = mlp()
    before = state(module)
    with pytest.raises(ArgumentError, match="as_network"):
        use(module)
    assert state(module) == before
