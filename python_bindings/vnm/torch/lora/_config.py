# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file holds the settings of a training in three stages.

"""Settings, each checked when they are made."""

import dataclasses
import math
from typing import Any, Optional

from ... import errors
from ..._pattern import Pattern
from .._columns import check_choice
from .._scores import check_criterion

STAGES = (1, 2, 3)


@dataclasses.dataclass(frozen=True)
class LoraConfig:
    """A training of `total_steps` optimizer steps in three stages.

    Stage 1, `dense_steps`: dense LoRA. Stage 2, `dynamic_steps`: W' = (W + s B A) * M,
    where M is chosen anew from W + s B A every `refresh_every` steps. Stage 3, the rest:
    M is fixed. The two defaults are 5 % of the steps each, and a refresh ten times in
    stage 2. Of 0 steps, a stage is left out.

    `rank` 0 trains W itself instead of factors; pruned elements then decay by
    `srste_decay` (SR-STE, arXiv 2102.04010). s is `alpha` / `rank`; `alpha` defaults
    to 2 `rank`. `criterion`, `form`, `column_choice`, `effort` and `permute_rows` are
    those of vnm.torch.structure().

    >>> config = LoraConfig("64:2:8", total_steps=1000)
    >>> config.dense_steps, config.dynamic_steps, config.refresh_every
    (50, 50, 5)
    >>> [config.stage(step) for step in (0, 49, 50, 99, 100, 999)]
    [1, 1, 2, 2, 3, 3]
    """

    pattern: str = "64:2:8"
    total_steps: int = 0
    criterion: str = "magnitude"
    dense_steps: Optional[int] = None
    dynamic_steps: Optional[int] = None
    refresh_every: Optional[int] = None
    learning_rate: float = 2e-4
    rank: int = 16
    alpha: Optional[float] = None
    srste_decay: float = 0.0
    form: str = "strict"
    column_choice: str = "exact"
    effort: str = "fast"
    permute_rows: bool = False
    ria_exponent: float = 0.5

    def __post_init__(self) -> None:
        set_ = lambda name, value: object.__setattr__(self, name, value)
        set_("pattern", str(Pattern(self.pattern)))
        check_criterion(self.criterion)
        check_choice(self.column_choice)
        if self.form not in ("strict", "free"):
            raise errors.InvalidArgumentError(f"requires a form of strict or free, but it is {self.form!r}")
        self._check_int("total_steps", 1)
        for name in ("dense_steps", "dynamic_steps"):
            if getattr(self, name) is None:
                set_(name, self.total_steps // 20)
            self._check_int(name, 0)
        if self.dense_steps + self.dynamic_steps > self.total_steps:
            raise errors.InvalidArgumentError(
                f"requires stages 1 and 2 to take at most {self.total_steps} steps, "
                f"but they take {self.dense_steps} + {self.dynamic_steps}"
            )
        if self.refresh_every is None:
            set_("refresh_every", max(1, self.dynamic_steps // 10))
        self._check_int("refresh_every", 1)
        self._check_int("rank", 0)
        if self.alpha is None:
            set_("alpha", 2.0 * self.rank)
        for name, least in (("alpha", 0.0), ("srste_decay", 0.0), ("learning_rate", 0.0)):
            value = getattr(self, name)
            if not isinstance(value, (int, float)) or not math.isfinite(value) or value < least:
                raise errors.InvalidArgumentError(f"requires {name} to be finite and not negative, but it is {value!r}")
        if self.srste_decay and self.rank:
            raise errors.InvalidArgumentError(
                f"requires no srste_decay beside LoRA, whose W is not trained, but it is {self.srste_decay}: "
                "rank=0 trains W"
            )

    def _check_int(self, name: str, least: int) -> None:
        value = getattr(self, name)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise errors.InvalidArgumentError(
                f"requires {name} to be an integer of at least {least}, but it is {value!r}"
            )

    @property
    def scaling(self) -> float:
        """s: what B A is multiplied by."""
        return self.alpha / self.rank if self.rank else 0.0

    def stage(self, step: int) -> int:
        """The stage, 1 to 3, that step number `step` belongs to."""
        if step < self.dense_steps:
            return 1
        return 2 if step < self.dense_steps + self.dynamic_steps else 3

    def refreshes(self, step: int) -> bool:
        """Whether M is chosen before step number `step`: at the start of stages 2 and 3,
        and within stage 2 every refresh_every steps."""
        since = step - self.dense_steps
        return (
            since == 0
            or (0 < since < self.dynamic_steps and since % self.refresh_every == 0)
            or (since == self.dynamic_steps)
        )

    def search(self) -> "dict[str, Any]":
        """The keywords of structure() that say how M is searched."""
        names = ("form", "column_choice", "effort", "permute_rows")
        return {name: getattr(self, name) for name in names}
