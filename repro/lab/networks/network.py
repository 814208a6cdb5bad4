"""What an attack needs of a network, and any PyTorch module as one that no attack can change."""

from __future__ import annotations

import copy
import itertools
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import torch
from torch import Tensor, nn

from repro.errors import NetworkError

SHAPES = ((1, 28, 28), (784,))
"""The shapes that an image is tried in, one after the other."""

PROBE = 4
"""Images of random pixels that a module is tried on."""

PROBABILITIES = (
    "the outputs look like probabilities (none is below 0, and those of an image sum to 1): "
    "attacks take them for logits, which makes another network of it. Drop the last softmax."
)
LOG_PROBABILITIES = (
    "the outputs look like log-probabilities (their exponentials sum to 1): as logits they give "
    "the same probabilities, but for rounding where the network is sure. Drop the last "
    "log_softmax to be exact."
)
"""What is said of outputs that look like something else than logits."""


class Network(Protocol):
    """A classifier that gives logits and can be cast to another dtype.

    Its weights may lie on another device than the images: what attacks keep stays with those.
    """

    def __call__(self, x: Tensor) -> Tensor:
        """Compute the logits (N, 10), on the device of ``x``, of images ``x`` (N, ...)."""

    def to(self, dtype: torch.dtype) -> Network:
        """Give the same network with weights of ``dtype``, and leave this one as it is."""


@dataclass(frozen=True, eq=False)  # modules have no single truth value to compare by
class ModuleNetwork:
    """A module at prediction time, in the dtype of the images that it is given.

    Args:
        module: in evaluation mode and frozen; nothing changes it.
        shape: of an image, as the module takes it.
    """

    module: nn.Module
    shape: tuple[int, ...] = (784,)
    _cast: dict[torch.dtype, nn.Module] = field(default_factory=dict, repr=False)

    @property
    def device(self) -> torch.device:
        """Where the module's tensors lie: the CPU, if it has none."""
        return next((tensor.device for tensor in self._tensors()), torch.device("cpu"))

    def __call__(self, x: Tensor) -> Tensor:
        """Compute the logits (N, 10) of images ``x`` (N, ...), in their dtype, on their device.

        Raises:
            NetworkError: the module fails on these images.
        """
        # A copy: a module may work on its images in place.
        images = x.reshape(-1, *self.shape).to(self.device, copy=True)
        try:
            output = self._in(x.dtype)(images)
            if isinstance(output, Tensor):
                return output.to(x.device, x.dtype)
        except (Exception, SystemExit) as error:
            raise NetworkError(
                f"the module fails on images {tuple(images.shape)} {x.dtype}: {error}",
                expected="logits",
                do="correct the module; what it computes with belongs in parameters and buffers",
            ) from error
        raise NetworkError(
            f"the module gives a {type(output).__name__}",
            expected="one tensor of logits",
            do="wrap it in a module that returns the logits alone",
        )

    def to(self, dtype: torch.dtype) -> ModuleNetwork:  # noqa: ARG002 - the images' dtype decides
        """Give this same network: each call computes in the dtype of its images."""
        return self

    def _in(self, dtype: torch.dtype) -> nn.Module:
        """Return the module with its floating point tensors in ``dtype``."""
        if all(t.dtype == dtype for t in self._tensors() if t.is_floating_point()):
            return self.module
        if dtype not in self._cast:
            self._cast[dtype] = copy.deepcopy(self.module).to(dtype)
        return self._cast[dtype]

    def _tensors(self) -> Iterator[Tensor]:
        return itertools.chain(self.module.parameters(), self.module.buffers())


def as_network(module: nn.Module) -> ModuleNetwork:
    """Make a network for attacks and experiments of a module that gives logits.

    The module itself is left as it is: it is copied, and the copy is in evaluation mode, frozen,
    and on the same device. It is given pixels in [0, 1], as (N, 1, 28, 28) if it takes them so,
    else as (N, 784). It computes in the dtype of the images, whatever it was trained in. One
    from ``torch.compile`` is used uncompiled: an attack's batches shrink image by image, and each
    size would be compiled anew.

    Raises:
        NetworkError: it is no module; it cannot be copied; it takes images in neither shape; or
            its logits are not (N, 10), not finite, without a gradient, or change from call to
            call, with the other images of the batch or with the dtype.

    Warns:
        UserWarning: its outputs look like probabilities, or like their logarithms.

    >>> network = as_network(nn.Sequential(nn.Flatten(), nn.Linear(784, 10)))
    >>> network.shape, network(torch.zeros(2, 784, dtype=torch.float64)).dtype
    ((1, 28, 28), torch.float64)
    """
    if not isinstance(module, nn.Module):
        raise NetworkError(
            f"a {type(module).__name__}", expected="a torch.nn.Module", do="give the module"
        )
    try:
        mine = copy.deepcopy(getattr(module, "_orig_mod", module)).eval().requires_grad_(False)
    except Exception as error:
        raise NetworkError(
            f"the module cannot be copied and frozen: {error}",
            expected="a module that copy.deepcopy takes, with all its weights",
            do="give it as it was built, with its weights loaded",
        ) from error
    x = torch.rand(PROBE, 784, generator=torch.Generator().manual_seed(0))
    refusals = []
    for shape in SHAPES:
        network = ModuleNetwork(mine, shape)
        try:
            logits = network(x)
        except NetworkError as error:
            refusals.append(error.found)
            continue
        if logits.shape == (PROBE, 10):
            _check(network, x, logits)
            return network
        refusals.append(f"it makes {tuple(logits.shape)} of images {(PROBE, *shape)}")
    raise NetworkError(
        "; ".join(dict.fromkeys(refusals)),
        expected="logits (N, 10) of images (N, 1, 28, 28) or (N, 784)",
        do="wrap the module in one that takes images of one of these shapes",
    )


def _check(network: ModuleNetwork, x: Tensor, logits: Tensor) -> None:
    """Hold the ``logits`` of images ``x`` to what attacks need of them."""
    if not bool(logits.isfinite().all()):
        raise NetworkError(
            "logits that are not finite",
            expected="finite logits of pixels in [0, 1]",
            do="check the module's weights, and that it takes pixels between 0 and 1",
        )
    close = partial(torch.allclose, rtol=1e-3, atol=1e-3 * float(logits.abs().max()))
    again = torch.cat([network(half) for half in torch.split(x, PROBE // 2)])
    if not close(again, logits):
        raise NetworkError(
            "other logits for the same images when they are given again, half of them at a time",
            expected="logits that depend on the image alone",
            do="turn off what is drawn at random (dropout that ignores eval()) or taken over the "
            "batch (batch norm without running statistics)",
        )
    for dtype in (x.dtype, torch.float64):
        image = x.to(dtype, copy=True).requires_grad_()
        try:
            output = network(image)
        except NetworkError:
            if dtype == x.dtype:
                raise
            break  # not every attack needs float64, and one that does tells it
        if not close(output.to(x.dtype), logits):
            raise NetworkError(
                f"other logits in {dtype} than in {x.dtype}",
                expected="the same logits, but for rounding",
                do="compute in the dtype of the images, without autocast; make complex weights of "
                "real ones in the forward (torch.view_as_complex): a cast drops imaginary parts",
            )
        gradient = None
        try:
            if output.requires_grad:
                (gradient,) = torch.autograd.grad(output.sum(), image, allow_unused=True)
        except Exception as error:
            raise NetworkError(
                f"the module's backward fails in {dtype}: {error}",
                expected="a gradient of the logits with respect to the image",
                do="correct its autograd.Function to compute in the dtype that it is given",
            ) from error
        if gradient is None:
            raise NetworkError(
                "logits without a gradient with respect to the image",
                expected="a module that autograd can follow from logits back to pixels",
                do="take no_grad, detach and conversions to numpy out of its forward",
            )
    for p, hint in ((logits, PROBABILITIES), (logits.exp(), LOG_PROBABILITIES)):
        if bool((p >= 0).all()) and torch.allclose(p.sum(dim=1), torch.ones(PROBE), atol=1e-3):
            warnings.warn(hint, stacklevel=3)
            return
