# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file connects a training to transformers.Trainer.

"""A callback for transformers.Trainer."""

import os
import pathlib
from typing import Any

import torch
from transformers import TrainerCallback

from ... import errors

FILE_NAME = "vnm_lora.pt"


class ThreeStageCallback(TrainerCallback):
    """Advances a training, and keeps its state in the Trainer's checkpoints.

    Trainer's max_steps must be the training's total_steps. A Trainer that resumes from
    a checkpoint finds the state there.
    """

    def __init__(self, training: Any) -> None:
        self.training = training

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        total = self.training.config.total_steps
        if state.max_steps != total:
            raise errors.InvalidArgumentError(
                f"requires max_steps to be total_steps = {total}, but it is {state.max_steps}"
            )
        if state.global_step == self.training.step:
            return
        path = _folder(args, state) / FILE_NAME
        if not path.is_file():
            raise errors.FileError(
                f"requires '{path}' to resume at step {state.global_step}, but there is no such file"
            )
        self.training.load_state_dict(torch.load(path, weights_only=True, map_location="cpu"))

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.training.advance()

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if not state.is_world_process_zero:
            return
        path = _folder(args, state) / FILE_NAME
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        torch.save(self.training.state_dict(), part)
        os.replace(part, path)


def _folder(args: Any, state: Any) -> pathlib.Path:
    return pathlib.Path(args.output_dir) / f"checkpoint-{state.global_step}"
