# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The two tasks: bytes of text by a small GPT, scanned digits by a small ViT."""

import dataclasses
import math
import pathlib

import corpus
import models
import numpy as np
import torch
from torch.nn import functional


@dataclasses.dataclass(frozen=True)
class Size:
    """How much is computed: `base_steps` of training from scratch, `tuning_steps` of
    every method afterwards."""

    base_steps: int
    tuning_steps: int
    batch: int
    width: int
    depth: int
    evaluated: int
    base_rate: float
    tuning_rate: float


class TextTask:
    """Next byte of text; the figure is the perplexity per byte on files held out."""

    name, figure, better = "text", "perplexity", "lower"
    sizes = {
        "full": Size(2400, 500, 32, 384, 6, 512, 1e-3, 2e-3),
        "tiny": Size(30, 20, 4, 64, 2, 8, 1e-3, 2e-3),
    }
    context = 256

    def __init__(self, folder, size, device):
        self.size, self.device = self.sizes[size], device
        self.context = 256 if size == "full" else 32
        data = np.load(pathlib.Path(folder) / corpus.CORPUS)
        self.train, self.validation = (
            torch.from_numpy(data[name]).to(device, torch.int64) for name in ("train", "validation")
        )

    def make_model(self):
        return models.GPT(self.size.width, self.size.depth, self.context).to(self.device)

    def batches(self, steps, seed):
        """Positions of random windows, drawn on the CPU so that devices agree."""
        generator = torch.Generator().manual_seed(seed)
        last = len(self.train) - self.context - 1
        return torch.randint(0, last, (steps, self.size.batch), generator=generator).to(self.device)

    def loss(self, model, starts, data=None):
        data = self.train if data is None else data
        window = data[starts[:, None] + torch.arange(self.context + 1, device=starts.device)]
        logits = model(window[:, :-1])
        return functional.cross_entropy(logits.flatten(0, 1).float(), window[:, 1:].flatten())

    def calibration(self):
        return [self.batches(1, 99)[0]]

    @torch.no_grad()
    def evaluate(self, model):
        """{perplexity, loss} on windows spread evenly over the files held out."""
        last = len(self.validation) - self.context - 1
        starts = torch.linspace(0, last, self.size.evaluated).long().to(self.device)
        losses = [self.loss(model, part, self.validation) for part in starts.split(128)]
        loss = float(torch.stack(losses).mean())
        return {"perplexity": math.exp(loss), "loss": loss}


class DigitsTask:
    """Ten scanned digits; the figure is the accuracy on a quarter held out."""

    name, figure, better = "digits", "accuracy", "higher"
    sizes = {
        "full": Size(1500, 400, 256, 256, 4, 450, 1e-3, 2e-3),
        "tiny": Size(40, 20, 32, 64, 2, 450, 1e-3, 2e-3),
    }

    def __init__(self, folder, size, device):
        self.size, self.device = self.sizes[size], device
        data = np.load(pathlib.Path(folder) / corpus.DIGITS)
        order = torch.randperm(len(data["labels"]), generator=torch.Generator().manual_seed(0))
        # A border of one pixel: training images move within it.
        images = functional.pad(torch.from_numpy(data["images"]).float() / 8 - 1, (1, 1, 1, 1), value=-1.0)
        self.images, self.labels = images[order].to(device), torch.from_numpy(data["labels"])[order].long().to(device)
        self.split = len(order) - self.size.evaluated

    def make_model(self):
        return models.ViT(self.size.width, self.size.depth).to(self.device)

    def batches(self, steps, seed):
        """Images and how far each moves, steps x batch x 3."""
        generator = torch.Generator().manual_seed(seed)
        shape = (steps, self.size.batch)
        images = torch.randint(0, self.split, shape, generator=generator)
        moves = torch.randint(0, 3, (*shape, 2), generator=generator)
        return torch.cat([images[..., None], moves], -1).to(self.device)

    def loss(self, model, batch):
        index, down, right = batch.unbind(-1)
        span = torch.arange(8, device=batch.device)
        rows, cols = down[:, None, None] + span[:, None], right[:, None, None] + span
        return functional.cross_entropy(
            model(self.images[index[:, None, None], rows, cols]).float(), self.labels[index]
        )

    def calibration(self):
        return [self.batches(1, 99)[0]]

    @torch.no_grad()
    def evaluate(self, model):
        """{accuracy in percent, loss} on the digits held out."""
        logits = model(self.images[self.split :, 1:9, 1:9]).float()
        labels = self.labels[self.split :]
        accuracy = 100 * float((logits.argmax(-1) == labels).float().mean())
        return {"accuracy": accuracy, "loss": float(functional.cross_entropy(logits, labels))}


TASKS = {task.name: task for task in (DigitsTask, TextTask)}
