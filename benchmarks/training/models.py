# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A small GPT and a small ViT of plain torch layers."""

import torch
from torch import nn
from torch.nn import functional


class Block(nn.Module):
    """Attention and MLP, each behind a norm and a residual."""

    def __init__(self, width, causal):
        super().__init__()
        self.causal = causal
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        batch, tokens, width = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(batch, tokens, 3, -1, 64).permute(2, 0, 3, 1, 4)
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        x = x + self.proj(y.transpose(1, 2).reshape(batch, tokens, width))
        return x + self.down(functional.gelu(self.up(self.norm2(x))))


def _initialise(module):
    if isinstance(module, (nn.Linear, nn.Embedding)):
        nn.init.normal_(module.weight, std=0.02)
        if getattr(module, "bias", None) is not None:
            nn.init.zeros_(module.bias)


class GPT(nn.Module):
    """Logits of the next byte."""

    def __init__(self, width, depth, context):
        super().__init__()
        self.bytes, self.places = nn.Embedding(256, width), nn.Embedding(context, width)
        self.blocks = nn.ModuleList(Block(width, causal=True) for _ in range(depth))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 256)
        self.apply(_initialise)

    def forward(self, tokens):
        x = self.bytes(tokens) + self.places.weight[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


class ViT(nn.Module):
    """Logits of ten classes of images of 8 x 8, in patches of 2 x 2."""

    def __init__(self, width, depth):
        super().__init__()
        self.patches, self.places = nn.Linear(4, width), nn.Embedding(17, width)
        self.first = nn.Parameter(torch.zeros(1, 1, width))
        self.blocks = nn.ModuleList(Block(width, causal=False) for _ in range(depth))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 10)
        self.apply(_initialise)

    def forward(self, images):
        batch = len(images)
        patches = images.view(batch, 4, 2, 4, 2).transpose(2, 3).reshape(batch, 16, 4)
        x = torch.cat([self.first.expand(batch, -1, -1), self.patches(patches)], 1) + self.places.weight
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x)[:, 0])


# Layers that are made sparse: those of the blocks.
SPARSE_LAYERS = r"^blocks\."
