# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One training run; on a GPU its steps are replays of a CUDA graph."""

import math

import torch


def autocast(device):
    return torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda", cache_enabled=False)


def rate(step, steps, peak):
    """A linear start of 5 % of the steps, then a cosine to a tenth."""
    start = max(1, steps // 20)
    if step < start:
        return peak * (step + 1) / start
    return peak * (0.1 + 0.45 * (1 + math.cos(math.pi * (step - start) / max(1, steps - start))))


class Loop:
    """Trains `parameters` of a model on a task's batches; `after_step()` follows each step
    and `kind()` changes when the computation does, as when masks appear."""

    WARM_UP = 3  # steps that run as they are before a graph is captured

    def __init__(self, task, model, parameters, steps, peak, seed):
        self.task, self.model, self.parameters = task, model, list(parameters)
        self.steps, self.peak = steps, peak
        self.batches = task.batches(steps, seed)
        self.on_gpu = task.device.type == "cuda"
        self.rate = torch.zeros((), device=task.device)
        self.batch = self.batches[0].clone()
        settings = {"fused": True, "capturable": True} if self.on_gpu else {}
        self.optimizer = torch.optim.AdamW(
            self.parameters, lr=self.rate, weight_decay=0.01, betas=(0.9, 0.95), **settings
        )
        self.graph, self.loss = None, None

    def run(self, after_step=lambda: None, kind=lambda: 0):
        """Returns the losses of all steps."""
        losses = torch.zeros(self.steps, device=self.task.device)
        side = torch.cuda.Stream() if self.on_gpu else None
        warm, last = 0, None
        for step in range(self.steps):
            if kind() != last:
                self.graph, warm, last = None, 0, kind()
            self.batch.copy_(self.batches[step])
            self.rate.fill_(rate(step, self.steps, self.peak))
            if not self.on_gpu:
                self._step()
            elif warm < self.WARM_UP:
                side.wait_stream(torch.cuda.current_stream())
                with torch.cuda.stream(side):
                    self._step()
                torch.cuda.current_stream().wait_stream(side)
                warm += 1
            else:
                if self.graph is None:
                    self._capture()
                self.graph.replay()
            losses[step] = self.loss
            after_step()
        self.graph = None
        return losses.tolist()

    def _step(self):
        self.optimizer.zero_grad(set_to_none=True)
        with autocast(self.task.device):
            loss = self.task.loss(self.model, self.batch)
        loss.backward()
        # Without its graph, which belongs to the stream of this step.
        self.loss = loss.detach()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()

    def _capture(self):
        self.optimizer.zero_grad(set_to_none=True)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._step()
        self.graph = graph
