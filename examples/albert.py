# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file rebuilds, in plain PyTorch, the ALBERT encoder whose trained weights
# ship inside the PyPI package rxnmapper.
"""The pretrained ALBERT encoder of RXNMapper (MIT), in plain PyTorch.

RXNMapper is a masked language model of chemical reactions: 12 applications of
one shared encoder layer, hidden size 256, 8 heads, MLP 256 -> 512 -> 256. Only
files of the installed package are read; none of its code is imported, so its
own dependencies are not needed.
"""

import importlib.util
import math
import pathlib
import re

import torch
from torch import nn

HIDDEN, HEADS, INTERMEDIATE, LAYERS = 256, 8, 512, 12
LAYER_NORM_EPS = 1e-12

# Reactions of the kind the model was trained on (reactants>>products); the
# second and third have at least 64 tokens each.
REACTIONS = [
    "CC(C)S.CN(C)C=O.Fc1cccnc1F.O=C([O-])[O-].[K+].[K+]>>CC(C)Sc1ncccc1F",
    (
        "C1COCCO1.CC(C)(C)OC(=O)CONC(=O)NCc1cccc2ccccc12.Cl"
        ">>O=C(O)CONC(=O)NCc1cccc2ccccc12"
    ),
    (
        "C=CCN=C=S.CNCc1ccc(C#N)cc1.NNC(=O)c1cn2c(n1)CCCC2"
        ">>C=CCN1C(C2=CN3CCCCC3=N2)=NN=C1N(C)CC1=CC=C(C#N)C=C1"
    ),
]

# One SMILES token: a bracket atom, a two-letter element, or one symbol.
_TOKEN = re.compile(r"\[[^\]]+\]|Br|Cl|>>|%[0-9]{2}|.")


class SelfAttention(nn.Module):
    """Multi-head self-attention with the output projection, written out."""

    def __init__(self):
        super().__init__()
        self.query = nn.Linear(HIDDEN, HIDDEN)
        self.key = nn.Linear(HIDDEN, HIDDEN)
        self.value = nn.Linear(HIDDEN, HIDDEN)
        self.dense = nn.Linear(HIDDEN, HIDDEN)

    def forward(self, x):
        batch, tokens, _ = x.shape

        def heads(y):
            return y.view(batch, tokens, HEADS, HIDDEN // HEADS).transpose(1, 2)

        q, k, v = heads(self.query(x)), heads(self.key(x)), heads(self.value(x))
        scores = q @ k.transpose(-1, -2) / math.sqrt(HIDDEN // HEADS)
        context = torch.softmax(scores, dim=-1) @ v
        return self.dense(context.transpose(1, 2).reshape(batch, tokens, HIDDEN))


class Mlp(nn.Module):
    """Linear -> GELU (exact, by erf) -> Linear."""

    def __init__(self, outer=HIDDEN, inner=INTERMEDIATE):
        super().__init__()
        self.ffn = nn.Linear(outer, inner)
        self.ffn_output = nn.Linear(inner, outer)

    def forward(self, x):
        return self.ffn_output(nn.functional.gelu(self.ffn(x)))


class EncoderLayer(nn.Module):
    """A post-norm transformer encoder layer.

    The layer norms work in float32 whatever the element type of the rest, as
    half-precision inference usually has it; at float32 the casts vanish.
    """

    def __init__(self):
        super().__init__()
        self.attention = SelfAttention()
        self.attention_norm = nn.LayerNorm(HIDDEN, eps=LAYER_NORM_EPS)
        self.mlp = Mlp()
        self.output_norm = nn.LayerNorm(HIDDEN, eps=LAYER_NORM_EPS)

    def half_precision(self):
        """Turns the linear layers to float16 and leaves the norms alone."""
        self.attention.half()
        self.mlp.half()
        return self

    def after_attention(self, x):
        return self.attention_norm((x + self.attention(x)).float()).to(x.dtype)

    def forward(self, x):
        x = self.after_attention(x)
        return self.output_norm((x + self.mlp(x)).float()).to(x.dtype)


class Albert(nn.Module):
    """Embeddings, the shared encoder layer, and the token-prediction head."""

    def __init__(self, vocabulary):
        super().__init__()
        self.vocabulary = {token: i for i, token in enumerate(vocabulary)}
        size = len(vocabulary)
        self.words = nn.Embedding(size, 128)
        self.positions = nn.Embedding(512, 128)
        self.types = nn.Embedding(2, 128)
        self.embedding_norm = nn.LayerNorm(128, eps=LAYER_NORM_EPS)
        self.mapping_in = nn.Linear(128, HIDDEN)
        self.layer = EncoderLayer()
        self.head = nn.Linear(HIDDEN, 128)
        self.head_norm = nn.LayerNorm(128, eps=LAYER_NORM_EPS)
        self.decoder = nn.Linear(128, size)

    def tokenize(self, reaction):
        """The token ids of a reaction between [CLS] and [SEP]."""
        tokens = ["[CLS]", *_TOKEN.findall(reaction), "[SEP]"]
        return torch.tensor([[self.vocabulary[token] for token in tokens]])

    def embed(self, ids):
        x = self.words(ids) + self.positions.weight[: ids.shape[1]]
        return self.mapping_in(self.embedding_norm(x + self.types.weight[0]))

    def hidden(self, ids, depth):
        """The activations after `depth` applications of the layer."""
        x = self.embed(ids)
        for _ in range(depth):
            x = self.layer(x)
        return x

    def predict(self, ids):
        """The most likely token at every position (masked or not)."""
        x = nn.functional.gelu(self.head(self.hidden(ids, LAYERS)))
        return self.decoder(self.head_norm(x)).argmax(-1)


def _parameter_names():
    """Our name of each parameter -> its name in the package's checkpoint."""
    embeddings, encoder = "albert.embeddings.", "albert.encoder."
    layer = encoder + "albert_layer_groups.0.albert_layers.0."
    modules = {
        "embedding_norm": embeddings + "LayerNorm",
        "mapping_in": encoder + "embedding_hidden_mapping_in",
        "layer.attention_norm": layer + "attention.LayerNorm",
        "layer.output_norm": layer + "full_layer_layer_norm",
        "layer.mlp.ffn": layer + "ffn",
        "layer.mlp.ffn_output": layer + "ffn_output",
        "head": "predictions.dense",
        "head_norm": "predictions.LayerNorm",
        "decoder": "predictions.decoder",
    }
    for part in ("query", "key", "value", "dense"):
        modules[f"layer.attention.{part}"] = layer + f"attention.{part}"
    names = {
        f"{ours}.{kind}": f"{theirs}.{kind}"
        for ours, theirs in modules.items()
        for kind in ("weight", "bias")
    }
    names["words.weight"] = embeddings + "word_embeddings.weight"
    names["positions.weight"] = embeddings + "position_embeddings.weight"
    names["types.weight"] = embeddings + "token_type_embeddings.weight"
    return names


def load_pretrained():
    """Builds the model with the weights of the installed rxnmapper package."""
    spec = importlib.util.find_spec("rxnmapper")
    if spec is None:
        raise SystemExit("the package rxnmapper is missing; see examples/README.md")
    folder = pathlib.Path(spec.origin).parent / "models" / "transformers"
    folder /= "albert_heads_8_uspto_all_1310k"
    vocabulary = (folder / "vocab.txt").read_text(encoding="utf-8").split()
    stored = torch.load(
        folder / "pytorch_model.bin", map_location="cpu", weights_only=True
    )
    model = Albert(vocabulary)
    model.load_state_dict(
        {ours: stored[theirs] for ours, theirs in _parameter_names().items()}
    )
    return model.eval()
