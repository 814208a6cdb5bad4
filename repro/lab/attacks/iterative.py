"""The iterative attack of Popović & Mihajlović (2017), eqs. (1) to (5), and its readings.

The paper's equations and the authors' program (``src/CNNClassifier.py``, the function
``generate_adversarial_examples``) differ in five places. Each is a field of
:class:`Switches`, so that the effect of each can be measured on its own.

The step is divided by m, the largest absolute value in the gradient, so nothing but the
gradient's direction matters. Under ``loss="logits"`` it is taken from the log-odds
(:func:`repro.lab.attacks.fgsm.log_odds_against`): the cross-entropy's own direction, which does
not vanish however sure the network is. Under ``loss="probabilities"`` the rounding of the
images' dtype is part of what the authors' program computes, and is kept.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from repro.errors import ArgumentError
from repro.lab.attacks.checks import (
    check_eps,
    check_finite,
    check_images,
    check_network,
    check_steps,
)
from repro.lab.attacks.fgsm import log_odds_against
from repro.lab.networks.network import Network


@dataclass(frozen=True)
class Switches:
    """What separates the readings of the attack; each field is one difference.

    Args:
        state: what a step is added to: the image itself, x^i of eq. (1), or a buffer of noise
            that is kept within ±eps and never sees the pixel range. It decides what e, and
            so the RMS, is taken over.
        pixel_clip: the network is fed images clipped to [0, 1]. An image that is the state
            stays clipped; a noise buffer does not notice.
        loss: J of eq. (1). ``"logits"``: the cross-entropy of the softmax output.
            ``"probabilities"``: the softmax output is taken for logits and goes through a
            softmax a second time.
        judge_last: the result of the last step is judged.
        count_misclassified: the unchanged image is judged too, so that one that is already
            wrong is a success after 0 steps, with RMS 0. Otherwise, to the letter of
            eq. (1), x^1 is the first to be judged.
    """

    state: Literal["image", "noise"]
    pixel_clip: bool
    loss: Literal["logits", "probabilities"]
    judge_last: bool
    count_misclassified: bool


AS_WRITTEN = Switches("image", False, "logits", judge_last=True, count_misclassified=False)
"""Eqs. (1) to (5) to the letter."""

AS_CODED = Switches("noise", True, "probabilities", judge_last=False, count_misclassified=True)
"""The authors' code, ``src/CNNClassifier.py``."""


def each_alone(start: Switches, end: Switches) -> dict[str, Switches]:
    """Give ``start`` with one field at a time as in ``end``, by the field's name.

    >>> each_alone(AS_WRITTEN, replace(AS_WRITTEN, pixel_clip=True))["pixel_clip"].pixel_clip
    True
    """
    return {
        name: replace(start, **{name: getattr(end, name)})
        for name in asdict(start)
        if getattr(start, name) != getattr(end, name)
    }


@dataclass(frozen=True, eq=False)  # tensors have no single truth value to compare by
class Attacked:
    """What the attack made of N images.

    Attributes:
        adversarial: (N, ...) the images as last fed to the network, the dtype of the input.
        noise: (N, ...) e: x_adv - x of eq. (5), or the noise buffer where that is the state.
        success: (N,) bool: the attack stopped because it had what it wanted.
        iterations: (N,) int64: steps made, ``max_iterations`` without success.
        rms: (N,) float64: eq. (4) of ``noise``.
        zero_gradient: (N,) bool: a gradient was zero in every pixel. The authors' code
            divides zero by zero there, and one such success would make their mean RMS NaN;
            here the step is a defined no-op.
    """

    adversarial: Tensor
    noise: Tensor
    success: Tensor
    iterations: Tensor
    rms: Tensor
    zero_gradient: Tensor

    @property
    def success_rate(self) -> float:
        """The share of images with success (section III: 98.6 %)."""
        return float(self.success.double().mean())

    @property
    def mean_rms(self) -> float:
        """The mean RMS over the successes, as in the authors' code; NaN without any."""
        return float(self.rms[self.success].mean())


def attack(
    network: Network,
    x: Tensor,
    y: Tensor,
    *,
    switches: Switches,
    eps: float = 0.15,
    step: float = 10 / 255,
    max_iterations: int = 200,
    target: Tensor | None = None,
    confidence: float | None = None,
    sign: bool = False,
    after: Attacked | None = None,
    batch: int = 100,
) -> Attacked:
    """Step until the network errs: x^{i+1} = Clip_{x,eps}{ x^i + alpha grad J(x^i, y) }.

    These are eqs. (1) and (2), with alpha = ``step`` / m and m the largest absolute value in
    that image's gradient. With ``target`` it is eq. (3): descend on J(x^i, target) until the
    network outputs the target.

    Args:
        network: gives logits; it is cast to the dtype of ``x``.
        x: (N, ...) floating point images in [0, 1].
        y: (N,) int64 true classes.
        switches: the reading.
        eps: half the side of the box around each image, in units of the pixel range [0, 1].
        step: the most that one step changes a pixel, in the same units.
        max_iterations: steps an image may take.
        target: (N,) int64, the class wanted for each image, never the true one (the
            authors' code leaves those images out).
        confidence: stop only when the softmax output of the wrong (or wanted) class is at
            least this, in (0, 1); None stops as soon as it is the largest. The paper
            describes this variant below eq. (3).
        sign: step by ``step`` sign(grad), as the gradient-sign methods do. In the authors'
            code (``update_noise``) a value step is twice the setting and a sign step once:
            the paper's 10/255 is the 5/255 of their ``src/main.py``.
        after: what the same call gave without, or with a lower, ``confidence``: its
            successes go on from where they stopped, and its failures stay what they are.
        batch: images at a time, where a finished one makes room for the next; no effect
            on the result but for the rounding of the network's products.

    Raises:
        ArgumentError: an argument is out of its range or does not fit the others, the network
            is a bare module, or a gradient is not finite.

    >>> from repro.lab.networks.mlp import Mlp
    >>> network = Mlp(dict.fromkeys(("w_h", "w_h2", "w_o"), torch.eye(2)))  # logits = pixels
    >>> x, y = torch.tensor([[0.75, 0.25]]), torch.tensor([0])
    >>> found = attack(network, x, y, switches=AS_WRITTEN, eps=0.3, step=0.1)
    >>> found.success_rate, found.iterations, found.adversarial
    (1.0, tensor([3]), tensor([[0.4500, 0.5500]]))
    """
    check_network(network)
    check_images(x, y)
    check_eps(eps)
    check_steps(step, max_iterations, "max_iterations")
    if target is not None:
        _check_target(target, y)
    if confidence is not None and not 0 < confidence < 1:
        raise ArgumentError(f"confidence = {confidence}", expected="between 0 and 1")
    model, aim = network.to(x.dtype), y if target is None else target
    # Eq. (1) climbs away from the true class, eq. (3) descends towards the target.
    signed_step = step if target is None else -step
    state = x.clone() if switches.state == "image" else torch.zeros_like(x)
    iterations = torch.zeros(len(x), dtype=torch.int64)
    success, zero_gradient = (torch.zeros(len(x), dtype=torch.bool) for _ in range(2))
    waiting = torch.arange(len(x))
    if after is not None:
        # ``adversarial`` and not x + e: the sum would round where the state is the image.
        state = (after.adversarial if switches.state == "image" else after.noise).clone()
        iterations, zero_gradient = after.iterations.clone(), after.zero_gradient.clone()
        waiting = after.success.nonzero().flatten()
    active, waiting = waiting[:batch], waiting[batch:]
    while len(active):
        image = _fed(state[active], x[active], switches).requires_grad_()
        logits = model(image)
        made = iterations[active]
        judged = (made > 0) | switches.count_misclassified
        judged &= (made < max_iterations) | switches.judge_last
        won = judged & _reached(logits.detach(), aim[active], target is not None, confidence)
        success[active[won]] = True
        going = ~won & (made < max_iterations)
        if bool(going.any()):
            cost = adversarial_loss(logits[going], aim[active[going]], switches.loss).sum()
            (gradient,) = torch.autograd.grad(cost, image)
            active, judged = active[going], judged[going]
            direction, zero = unit_direction(gradient[going], sign=sign)
            state[active] = _moved(
                state[active], signed_step * direction, x[active], eps, switches
            )
            iterations[active] += 1
            zero_gradient[active[zero]] = True
            # A no-op repeats for ever: an image that was judged before it stays as it is.
            stays = zero & judged
            iterations[active[stays]] = max_iterations
            active = active[~stays]
        else:
            active = active[:0]
        room = batch - len(active)
        active, waiting = torch.cat([active, waiting[:room]]), waiting[room:]
    noise = state - x if switches.state == "image" else state
    return Attacked(
        adversarial=_fed(state, x, switches),
        noise=noise,
        success=success,
        iterations=iterations,
        rms=rms(noise),
        zero_gradient=zero_gradient,
    )


def adversarial_loss(
    logits: Tensor, y: Tensor, loss: Literal["logits", "probabilities"]
) -> Tensor:
    """Compute J for each row, up to a factor that the step's division by m removes.

    By ``loss``: ``"logits"``: log((1 - p_y) / p_y), which has the direction of -log p_y;
    ``"probabilities"``: -log softmax(softmax(logits))_y, as in the authors' code. For
    ``logits`` (N, C) and ``y`` (N,) int64 it is (N,), in the dtype of the logits.

    >>> logits, y = torch.tensor([[0.0, 0.0]]), torch.tensor([0])
    >>> adversarial_loss(logits, y, "logits"), adversarial_loss(logits, y, "probabilities")
    (tensor([0.]), tensor([0.6931]))
    """
    if loss == "logits":
        return log_odds_against(logits, y)
    return functional.cross_entropy(torch.softmax(logits, dim=1), y, reduction="none")


def unit_direction(gradient: Tensor, *, sign: bool = False) -> tuple[Tensor, Tensor]:
    """Divide each image's gradient (N, ...) by its largest absolute value, or take its signs.

    Gives also (N,) bool: where the gradient, and so the direction, is zero in every pixel.

    Raises:
        ArgumentError: a gradient is not finite; its step would end in an image of NaN, which
            every network errs on.

    >>> unit_direction(torch.tensor([[-4.0, 1.0], [0.0, 0.0]]))
    (tensor([[-1.0000,  0.2500],
            [ 0.0000,  0.0000]]), tensor([False,  True]))
    """
    largest = gradient.flatten(1).abs().amax(dim=1)
    check_finite(largest, "gradients")
    zero = largest == 0
    divisor = torch.where(zero, 1.0, largest).reshape(-1, *[1] * (gradient.dim() - 1))
    return (gradient.sign() if sign else gradient / divisor), zero


def rms(noise: Tensor) -> Tensor:
    """Compute eq. (4): the root mean square over the pixels of each noise (N, ...); (N,) float64.

    >>> rms(torch.tensor([[0.3, 0.4], [0.5, -0.5]]).double())
    tensor([0.3536, 0.5000], dtype=torch.float64)
    """
    # In parts: beside ten thousand images, their squares in float64 would be four times as much.
    parts = torch.split(noise, 500)
    return torch.cat([part.flatten(1).double().square().mean(dim=1).sqrt() for part in parts])


def _check_target(target: Tensor, y: Tensor) -> None:
    if target.shape != y.shape or target.dtype != torch.int64:
        raise ArgumentError(
            f"targets {tuple(target.shape)} {target.dtype} for {len(y)} images",
            expected=f"({len(y)},) torch.int64",
        )
    if bool((target == y).any()):
        raise ArgumentError(
            f"{int((target == y).sum())} images whose target is their true class",
            expected="other targets (the authors' code leaves those images out)",
        )


def _reached(logits: Tensor, aim: Tensor, targeted: bool, confidence: float | None) -> Tensor:
    """Tell, (N,) bool, where the network errs or outputs the target with such confidence."""
    output = logits.argmax(dim=1)
    reached = output == aim if targeted else output != aim
    if confidence is not None:
        reached &= torch.softmax(logits, dim=1).amax(dim=1) >= confidence
    return reached


def _fed(state: Tensor, x: Tensor, switches: Switches) -> Tensor:
    """Give the images that the network sees."""
    image = state if switches.state == "image" else x + state
    return image.clamp(0.0, 1.0) if switches.pixel_clip else image


def _moved(state: Tensor, move: Tensor, x: Tensor, eps: float, switches: Switches) -> Tensor:
    """Take a step: into eq. (2)'s box, and into the pixel range where the image is kept in it."""
    if switches.state == "noise":
        return (state + move).clamp(-eps, eps)
    image = torch.minimum(torch.maximum(state + move, x - eps), x + eps)
    return image.clamp(0.0, 1.0) if switches.pixel_clip else image
