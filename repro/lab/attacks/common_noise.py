"""One noise for a whole class: Alg. 1 of Popović & Mihajlović (2017), Figs. 2 to 6.

The noise starts at zero. Each epoch passes over the class's images in file order, and each
image in turn moves the noise: e := Clip_{0,eps}{ e + alpha grad_x J(x_i + e, y) }. There is
no stopping rule: an image that is already misclassified moves the noise all the same, as in
the authors' code behind Figs. 2 and 3 (``src/CNNClassifier.py`` of the commit of
``src/log.txt``; an earlier version ended an epoch at its first misclassified image).

Of :class:`~repro.lab.attacks.iterative.Switches` two fields matter here, ``pixel_clip`` and
``loss``: the state is a noise under both readings, and nothing is judged on the way.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from repro.errors import ArgumentError
from repro.lab.attacks.checks import check_eps, check_images, check_network, check_steps
from repro.lab.attacks.iterative import Switches, adversarial_loss, unit_direction
from repro.lab.networks.network import Network


def craft(
    network: Network,
    images: Sequence[Tensor],
    classes: Sequence[int],
    *,
    eps: Sequence[float],
    switches: Switches | Sequence[Switches],
    step: float = 1 / 255,
    epochs: int = 25,
    targeted: bool = False,
    sign: bool = False,
) -> Tensor:
    """Make K noises at once by Alg. 1, each one updated image by image over its own images.

    The noises share nothing but the network's batch: each goes on to its next epoch when
    its own images are through, and one that has made all its steps just stops. So noises of
    several readings go into one batch, too: what a step costs is mostly reading the weights.

    Args:
        network: gives logits; it is cast to the dtype of the images.
        images: K tensors (N_k, ...) of floating point images in [0, 1], in the order of
            their use. The paper uses the class's validation images.
        classes: the K true classes, or those wanted.
        eps: the K clipping values, in units of the pixel range [0, 1].
        switches: the reading, or K of them.
        step: the most that one image changes a pixel of the noise; alpha = ``step`` / m,
            with m the largest absolute value in the gradient.
        epochs: passes over the images (25 in the text, 30 in the authors' ``src/log.txt``).
        targeted: ``classes`` are those wanted: the noise descends on J, as in eq. (3).
        sign: step by ``step`` sign(grad), as the gradient-sign methods do.

    Returns:
        The noises after each epoch, (epochs, K, ...) in the dtype of the images. A gradient that
        is zero in every pixel moves nothing; the authors' code divides zero by zero there.

    Raises:
        ArgumentError: a class is without images, the three lists do not pair up, an
            argument is out of its range, the network is a bare module, or a gradient is not
            finite.

    >>> from repro.lab.attacks.iterative import AS_WRITTEN
    >>> from repro.lab.networks.mlp import Mlp
    >>> network = Mlp(dict.fromkeys(("w_h", "w_h2", "w_o"), torch.eye(2)))  # logits = pixels
    >>> x = torch.tensor([[0.75, 0.25], [0.5, 0.25]])
    >>> craft(network, [x], [0], eps=[0.25], switches=AS_WRITTEN, step=0.1, epochs=2)
    tensor([[[-0.2000,  0.2000]],
    <BLANKLINE>
            [[-0.2500,  0.2500]]])
    """
    check_network(network)
    _check(images, classes, eps, switches)
    check_steps(step, epochs, "epochs")
    dtype, shape = images[0].dtype, images[0].shape[1:]
    model, y = network.to(dtype), torch.tensor(classes, dtype=torch.int64)
    each = [switches] * len(images) if isinstance(switches, Switches) else list(switches)
    clip = torch.tensor([one.pixel_clip for one in each]).reshape(-1, *[1] * len(shape))
    odds = torch.tensor([one.loss == "logits" for one in each])
    counts = [len(x) for x in images]
    box = torch.tensor(eps, dtype=dtype).reshape(-1, *[1] * len(shape))
    noise = torch.zeros(len(images), *shape, dtype=dtype)
    by_epoch = torch.zeros(epochs, *noise.shape, dtype=dtype)
    for turn in range(epochs * max(counts)):
        active = [k for k, count in enumerate(counts) if turn < epochs * count]
        x = torch.stack([images[k][turn % counts[k]] for k in active])
        noisy = x + noise[active]
        fed = torch.where(clip[active], noisy.clamp(0.0, 1.0), noisy)
        gradient = _gradient(model, fed, y[active], odds[active])
        direction, _ = unit_direction(gradient, sign=sign)
        moved = noise[active] + (-step if targeted else step) * direction
        noise[active] = torch.minimum(torch.maximum(moved, -box[active]), box[active])
        for k in active:
            epoch, place = divmod(turn, counts[k])
            if place == counts[k] - 1:
                by_epoch[epoch, k] = noise[k]
    return by_epoch


def _gradient(model: Network, image: Tensor, y: Tensor, odds: Tensor) -> Tensor:
    """Compute the gradient of J at the images (K, ...) that are fed, by the loss of each."""
    # The kernels for a batch of one round in another way than all others, and a noise must not
    # depend on whether another one is still being made.
    if len(image) == 1:
        return _gradient(model, image.repeat_interleave(2, 0), y.repeat(2), odds.repeat(2))[:1]
    image = image.requires_grad_()
    logits = model(image)
    cost = logits.new_zeros(())
    if bool(odds.any()):
        cost = cost + adversarial_loss(logits[odds], y[odds], "logits").sum()
    if not bool(odds.all()):
        cost = cost + adversarial_loss(logits[~odds], y[~odds], "probabilities").sum()
    (gradient,) = torch.autograd.grad(cost, image)
    return gradient


def _check(
    images: Sequence[Tensor],
    classes: Sequence[int],
    eps: Sequence[float],
    switches: Switches | Sequence[Switches],
) -> None:
    if not len(images) == len(classes) == len(eps) > 0:
        raise ArgumentError(
            f"{len(images)} sets of images, {len(classes)} classes and {len(eps)} values of eps",
            expected="as many of each, and at least one",
        )
    if not isinstance(switches, Switches) and len(switches) != len(images):
        raise ArgumentError(
            f"{len(switches)} readings for {len(images)} noises",
            expected="one for all, or one each",
        )
    for x, label, value in zip(images, classes, eps, strict=True):
        check_images(x, torch.full((len(x),), label))
        check_eps(value)
        if x.dtype != images[0].dtype or x.shape[1:] != images[0].shape[1:]:
            raise ArgumentError(
                f"images of {tuple(x.shape[1:])} {x.dtype} for class {label}",
                expected=f"{tuple(images[0].shape[1:])} {images[0].dtype}, as the first has",
            )
