"""The reader of the authors' checkpoint against TensorFlow, on one that TensorFlow writes.

TensorFlow is in no extra of this project: the test runs where it is installed.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from repro.lab.networks import cnn
from repro.papers.popovic2017 import authors

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # it talks of the processor when imported
tf = pytest.importorskip("tensorflow")

UNITS = 16


def written(prefix: Path) -> None:
    """Make a network of the authors' names and shapes, take a step of Adam, and save it."""
    v1 = tf.compat.v1
    with v1.Graph().as_default(), v1.Session() as session:
        cost = 0.0
        for scope in ("conv1", "conv2", "fc1", "fc2"):
            with v1.name_scope(scope):
                for part in ("w", "b"):
                    shape = cnn.shapes(UNITS)[f"{scope}.{part}"]
                    shape = (*shape[2:], shape[1], shape[0]) if len(shape) == 4 else shape
                    drawn = v1.truncated_normal(shape, stddev=0.1, seed=1)
                    variable = v1.Variable(drawn, use_resource=False)
                    cost += v1.reduce_sum(variable**2)
        step = v1.Variable(0, name="global_step", use_resource=False)
        train = v1.train.AdamOptimizer(1e-4).minimize(cost, global_step=step)
        session.run(v1.global_variables_initializer())
        session.run(train)
        v1.train.Saver().save(session, str(prefix))


def test_every_weight_is_tensorflows(tmp_path):
    written(tmp_path / "model.ckpt")
    checkpoint = tf.train.load_checkpoint(str(tmp_path / "model.ckpt"))
    content = (tmp_path / "model.ckpt.data-00000-of-00001").read_bytes()
    found = authors.read(content, units=UNITS)
    for name, w in found.items():
        scope, _, part = name.partition(".")
        expected = checkpoint.get_tensor(f"{scope}/Variable{'_1' if part == 'b' else ''}")
        as_tensorflow = w.permute(2, 3, 1, 0) if w.dim() == 4 else w
        assert np.array_equal(as_tensorflow.numpy(), expected), name
        assert np.ptp(expected) > 0, name
    assert len(found) == 8
