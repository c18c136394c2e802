# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The networks whose forward pass is measured, with random weights.

Shapes are those of DeiT-B (Touvron et al., arXiv 2012.12877) and of one decoder layer
of Llama-2-7B (Touvron et al., arXiv 2307.09288); every product that a pattern can
apply to is an `nn.Linear`.
"""

import torch
from torch import nn
from torch.nn import functional


class EncoderLayer(nn.Module):
    """A pre-norm transformer layer with GELU, [batch, tokens, width] to the same."""

    def __init__(self, width, heads, hidden):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x):
        batch, tokens, width = x.shape
        parts = self.qkv(self.norm1(x)).reshape(batch, tokens, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(query, key, value)
        x = x + self.proj(mixed.transpose(1, 2).reshape(batch, tokens, width))
        return x + self.fc2(functional.gelu(self.fc1(self.norm2(x))))


class DeiTBase(nn.Module):
    """Images [batch, 3, 224, 224] to logits [batch, 1000]: 197 tokens of width 768."""

    def __init__(self, width=768, depth=12, heads=12, classes=1000):
        super().__init__()
        self.patches = nn.Conv2d(3, width, kernel_size=16, stride=16)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(0.02 * torch.randn(1, 197, width))
        self.layers = nn.Sequential(*(EncoderLayer(width, heads, 4 * width) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, classes)

    def forward(self, images):
        patches = self.patches(images).flatten(2).transpose(1, 2)
        token = self.token.expand(patches.shape[0], -1, -1)
        x = self.layers(torch.cat([token, patches], dim=1) + self.positions)
        return self.head(self.norm(x)[:, 0])


def rotate(x, cosine, sine):
    """Rotary position embedding (Su et al., arXiv 2104.09864) on halves of a head."""
    first, second = x.chunk(2, dim=-1)
    return x * cosine + torch.cat([-second, first], dim=-1) * sine


class LlamaLayer(nn.Module):
    """A Llama-2-7B decoder layer, [batch, tokens, 4096] to the same.

    `past`: tokens already in the caches of keys and values; a call writes those of its
    own tokens behind them, every call to the same place. Without a past the attention
    is causal (prefill) and there is no cache.
    """

    def __init__(self, past=0, batch=1, width=4096, heads=32, hidden=11008):
        super().__init__()
        self.heads, self.past = heads, past
        self.norm1, self.norm2 = nn.RMSNorm(width, eps=1e-5), nn.RMSNorm(width, eps=1e-5)
        for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
            setattr(self, name, nn.Linear(width, width, bias=False))
        self.gate_proj = nn.Linear(width, hidden, bias=False)
        self.up_proj = nn.Linear(width, hidden, bias=False)
        self.down_proj = nn.Linear(hidden, width, bias=False)
        if past:
            for name in ("keys", "values"):
                cache = torch.randn(batch, heads, past + 1, width // heads)
                self.register_buffer(name, cache, persistent=False)

    def forward(self, x):
        normed = self.norm1(x)
        shape = (*x.shape[:2], self.heads, -1)
        query, key, value = (layer(normed).view(shape).transpose(1, 2) for layer in (self.q_proj, self.k_proj, self.v_proj))
        half = query.shape[-1] // 2
        steps = torch.arange(half, device=x.device, dtype=torch.float32) / half
        place = torch.arange(self.past, self.past + x.shape[1], device=x.device, dtype=torch.float32)
        angles = (place[:, None] * 10000.0**-steps).repeat(1, 2)
        cosine, sine = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
        query, key = rotate(query, cosine, sine), rotate(key, cosine, sine)
        if self.past:
            self.keys[:, :, self.past :] = key
            self.values[:, :, self.past :] = value
            key, value = self.keys, self.values
        mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=not self.past)
        x = x + self.o_proj(mixed.transpose(1, 2).reshape(x.shape))
        normed = self.norm2(x)
        return x + self.down_proj(functional.silu(self.gate_proj(normed)) * self.up_proj(normed))
