# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file is the surface of vnm.torch.lora.

"""LoRA training in three stages that ends in a V:N:M-sparse model (docs/training.md).

Stage 1: dense LoRA. Stage 2: W' = (W + s B A) * M with masks M that follow the weights.
Stage 3: fixed masks. Then merge() leaves exactly V:N:M-sparse weights. Due to arXiv
2410.16135v3.
"""

from ._config import LoraConfig
from ._layer import LoraLinear
from ._masked import masked_linear, masked_sum
from ._memory import MemoryReport
from ._training import ThreeStageLora

__all__ = ["LoraConfig", "LoraLinear", "MemoryReport", "ThreeStageLora", "masked_linear", "masked_sum"]
