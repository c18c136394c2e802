# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What is compared: patterns, and ways to make a trained model sparse."""

import copy
import dataclasses
import time

import torch
from loop import Loop, autocast
from models import SPARSE_LAYERS

import vnm.torch as vt
from vnm.torch import lora

RANK = 32
CRITERION = "ria"
# (name, pattern, form). 2:4 knows no V.
PATTERNS = (
    ("64:2:5", "64:2:5", "strict"),
    ("64:2:8", "64:2:8", "strict"),
    ("2:4", "16:2:4", "strict"),
    ("128:2:8 free", "128:2:8", "free"),
)
# Shares of the steps for stages 1 and 2, and of the steps at all: the last asks what
# the steps are worth that stages 1 and 2 take from the fixed masks.
TRAINED = {
    "three-stage": (0.05, 0.05, 1.0),
    "fixed masks only": (0.0, 0.0, 1.0),
    "no stage 1": (0.0, 0.1, 1.0),
    "no stage 2": (0.1, 0.0, 1.0),
    "fixed masks, 90 % of steps": (0.0, 0.0, 0.9),
}
REFRESHES = 5


@dataclasses.dataclass(frozen=True)
class Method:
    """One cell of the table."""

    pattern: str
    name: str


def all_methods():
    """In the order in which they are run: what matters most comes first."""
    yield Method("dense", "trained")
    yield Method("dense", "LoRA")
    for pattern, _, _ in PATTERNS:
        for name in ("one-shot", "one-shot + permutation", *TRAINED):
            yield Method(pattern, name)


def run_method(task, base, norms, method, seed):
    """Result of one method on a copy of the trained model: the task's figures, seconds."""
    start = time.time()
    model = copy.deepcopy(base)
    facts = {}
    if method.name.startswith("one-shot"):
        _prune(model, norms, method)
    elif method.pattern == "dense" and method.name == "LoRA":
        # No mask within the steps: the pattern does not matter.
        training, _ = _train(task, model, _config(task, "16:2:4", "strict", (1.0, 0.0, 1.0)), norms, seed)
        for layer in training.layers.values():
            layer.set_kept(None)
    elif method.pattern != "dense":
        pattern, form = next((pattern, form) for name, pattern, form in PATTERNS if name == method.pattern)
        config = _config(task, pattern, form, TRAINED[method.name])
        training, losses = _train(task, model, config, norms, seed)
        fifth = max(1, len(losses) // 5)
        facts = {"first_loss": sum(losses[:fifth]) / fifth, "last_loss": sum(losses[-fifth:]) / fifth}
        facts["memory"] = training.memory_report()._asdict()
        facts["merged_is_masked"] = _merge(training, model)
    with autocast(task.device):
        figures = task.evaluate(model)
    return {**figures, **facts, "seconds": round(time.time() - start, 2)}


def calibrate(task, base):
    def forward(model, batch):
        with autocast(task.device):
            task.loss(model, batch)

    return vt.calibrate(base, task.calibration(), filter=SPARSE_LAYERS, forward=forward)


def _search(method):
    name, pattern, form = next(entry for entry in PATTERNS if entry[0] == method.pattern)
    if method.name.endswith("permutation"):
        return pattern, {"form": "free", "permute_rows": True}
    return pattern, {"form": form}


def _prune(model, norms, method):
    pattern, search = _search(method)
    for name, layer in model.named_modules():
        if name in norms:
            scores = vt.importance(layer.weight, CRITERION, activation_norms=norms[name])
            mask = vt.prune(scores=scores, pattern=pattern, **search)
            with torch.no_grad():
                layer.weight.copy_(torch.where(mask, layer.weight, 0.0))


def _config(task, pattern, form, shares):
    dense, dynamic, steps = (round(share * task.size.tuning_steps) for share in shares)
    return lora.LoraConfig(
        pattern,
        total_steps=steps,
        criterion=CRITERION,
        dense_steps=dense,
        dynamic_steps=dynamic,
        refresh_every=max(1, dynamic // REFRESHES),
        learning_rate=task.size.tuning_rate,
        rank=RANK,
        form=form,
    )


def _train(task, model, config, norms, seed):
    """Tunes by LoRA alone; every method of a seed sees the same batches and starts alike."""
    model.requires_grad_(False)
    torch.manual_seed(seed)
    training = lora.ThreeStageLora(model, config, filter=SPARSE_LAYERS, calibration=norms)
    loop = Loop(task, model, training.parameters(), config.total_steps, config.learning_rate, 1000 + seed)
    losses = loop.run(training.advance, lambda: training.layers["blocks.0.up"].kept is None)
    return training, losses


def _merge(training, model):
    """Merges; whether the weights are what was trained and pack without loss."""
    expected = {name: (layer.sum_weight(), layer.kept) for name, layer in training.layers.items()}
    training.merge()
    same = True
    for name, (weight, kept) in expected.items():
        merged = model.get_submodule(name).weight
        packed = vt.VNMLinear.from_dense(merged, kept)
        kept.to_host()
        same &= torch.equal(merged, weight) and torch.equal(packed.to_dense(), weight)
    return same
