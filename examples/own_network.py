"""A network of one's own for ``repro try``, trained in a minute or so.

python examples/own_network.py net.safetensors
"""

from __future__ import annotations

import sys

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from repro.lab.mnist import data


class Net(nn.Module):
    """Takes images (N, 1, 28, 28) with pixels in [0, 1] and gives logits (N, 10)."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(nn.Conv2d(1, 16, 5, stride=2), nn.BatchNorm2d(16), nn.ReLU()),
            *(nn.Flatten(), nn.Linear(16 * 12 * 12, 100), nn.ReLU(), nn.Dropout(0.5)),
            nn.Linear(100, 10),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Normalise the pixels, as for training; then the layers."""
        logits: Tensor = self.layers((x - 0.13) / 0.31)
        return logits


def main(path: str) -> None:
    """Train for two epochs and write the weights."""
    torch.manual_seed(0)
    digits = data.find().training()
    x = torch.from_numpy(digits.images / 255.0).float()[:, None]
    y = torch.tensor(digits.labels, dtype=torch.int64)
    net = Net()
    optimiser = torch.optim.Adam(net.parameters())
    for epoch in (1, 2):
        print(f"epoch {epoch} of 2", flush=True)
        for picked in torch.randperm(len(y)).split(100):
            optimiser.zero_grad()
            cross_entropy(net(x[picked]), y[picked]).backward()
            optimiser.step()
    save_file(net.state_dict(), path)


if __name__ == "__main__":
    main(sys.argv[1])
