# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file masks the layers of a peft model.

"""peft's LoRA layers, with a mask. peft is imported when a model has its layers."""

import sys
from typing import Any, Optional

from torch import Tensor, nn

from .. import _layers
from ._layer import MaskState
from ._masked import masked_linear


def find_peft_layers(model: nn.Module) -> "dict[str, nn.Module]":
    """The LoRA layers of a peft model by name; none if peft is not in use."""
    lora = sys.modules.get("peft.tuners.lora")
    if lora is None:
        return {}
    return {name: module for name, module in model.named_modules() if isinstance(module, lora.LoraLayer)}


def check_layer(name: str, module: nn.Module) -> None:
    """LayerError: a kind of LoRA layer or a setting that cannot be merged with a mask."""
    from peft.tuners import lora

    if type(module) is not lora.Linear and not isinstance(module, MaskState):
        raise _layers.LayerError(name, f"requires peft's lora.Linear, but it is a {type(module).__qualname__}")
    if len(module.active_adapters) != 1 or module.merged:
        raise _layers.LayerError(
            name, f"requires one active adapter that is not merged, but there are {module.active_adapters}"
        )
    adapter = module.active_adapters[0]
    if not isinstance(module.lora_dropout[adapter], nn.Identity):
        raise _layers.LayerError(name, "requires lora_dropout=0, since a mask is for W + BA as a whole")
    if adapter in getattr(module, "lora_variant", {}) or getattr(module, "use_dora", {}).get(adapter):
        raise _layers.LayerError(name, "requires plain LoRA, but the adapter is a variant of it")


def mask_layer(module: nn.Module) -> nn.Module:
    """Turns a checked LoRA layer into one with a mask, in place; its state stays peft's."""
    from peft.tuners import lora

    if not isinstance(module, MaskState):
        module.__class__ = _masked_class(lora.Linear)
        module.register_buffer("vnm_mask", None, persistent=False)
    return module


_classes: "dict[type, type]" = {}


def _masked_class(plain: type) -> type:
    """peft's class with a mask: made once, because peft is optional."""
    if plain in _classes:
        return _classes[plain]

    class MaskedPeftLinear(MaskState, plain):
        """peft's lora.Linear whose sum W + s B A is masked from stage 2 on."""

        def base(self) -> nn.Module:
            return self.get_base_layer()

        def factors(self) -> "tuple[Optional[Tensor], Optional[Tensor], float]":
            adapter = self.active_adapters[0]
            return self.lora_A[adapter].weight, self.lora_B[adapter].weight, self.scaling[adapter]

        def forward(self, x: Tensor, *arguments: Any, **keywords: Any) -> Tensor:
            if self.vnm_mask is None:
                return super().forward(x, *arguments, **keywords)
            a, b, scaling = self.factors()
            base = self.base()
            return masked_linear(x, _layers.weight_of(base), a, b, base.bias, self.vnm_mask, scaling)

    _classes[plain] = MaskedPeftLinear
    return MaskedPeftLinear
