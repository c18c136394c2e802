# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file makes the layers of a model sparse.

"""sparsify_(): linear layers become sparse ones, all or none."""

from collections.abc import Mapping
from typing import NamedTuple, Optional

import torch
from torch import Tensor, nn

from .. import errors
from .._pattern import Pattern, PatternLike
from ._layers import Candidate, Filter, LayerError, find_candidates, to_selector, weight_of
from ._layouts import find_feature_major
from ._linear import VNMLinear, check_fallback
from ._scores import check_criterion, importance
from ._structure import Structure, check_scores, check_search, structure


class LayerResult(NamedTuple):
    """What became of a layer."""

    name: str
    retained: Optional[float]  #: share of its importance that is kept; None if skipped
    reason: Optional[str]  #: why it stays dense; None if it is sparse


def sparsify_(
    model: nn.Module,
    pattern: PatternLike = "64:2:8",
    criterion: str = "magnitude",
    *,
    calibration: "Optional[Mapping[str, Tensor]]" = None,
    filter: Filter = None,  # noqa: A002
    on_unfit: str = "error",
    form: str = "strict",
    column_choice: str = "exact",
    effort: str = "default",
    permute_rows: bool = False,
    ria_exponent: float = 0.5,
    fallback: str = "error",
    feature_major: Filter = "auto",
) -> "list[LayerResult]":
    """Replaces torch.nn.Linear and Hugging Face's Conv1D in a model by VNMLinear.

    `calibration` is what calibrate() gave, for wanda and ria. `filter` names layers, as
    a regular expression or a function of name and module; a layer that does not fit
    (tied, quantised, sparse already, another dtype, NaN, hooks, no calibration) is a LayerError
    or, with on_unfit="skip", stays dense. Columns and rows are chosen as by structure().
    `feature_major` names, as `filter` does, layers whose results the next sparse layer
    reads, None: none. That makes these faster, and others slower; results are the same.
    "auto" are the first layers of MLPs, by their usual names, and in torch.nn.Sequential
    those between which and the next linear layer are only activations and dropout.
    All layers are replaced or, after an error, none. The model itself must not be a
    linear layer.

    >>> import torch
    >>> model = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU())
    >>> [(layer.name, layer.reason) for layer in sparsify_(model, "16:2:8")]
    [('0', None)]
    >>> model[0]
    VNMLinear(in_features=64, out_features=64, bias=True, pattern=16:2:8, form=strict)
    """
    pattern = Pattern(pattern)
    check_criterion(criterion)
    check_search(form, column_choice, effort, permute_rows)
    check_fallback(fallback)
    to_selector(feature_major)
    if calibration is not None and not isinstance(calibration, Mapping):
        raise errors.InvalidArgumentError(
            f"requires a calibration as calibrate() gives it, but it is a {type(calibration).__qualname__}"
        )
    if on_unfit not in ("error", "skip"):
        raise errors.InvalidArgumentError(f"requires on_unfit of error or skip, but it is {on_unfit!r}")
    search = {
        "form": form,
        "column_choice": column_choice,
        "effort": effort,
        "permute_rows": permute_rows,
    }
    results, made, names = [], {}, {}
    for candidate in find_candidates(model, filter):
        try:
            scores = _scores(candidate, criterion, calibration, ria_exponent)
            kept = structure(None, pattern, scores=scores, **search)
        except LayerError as error:
            if on_unfit == "error":
                raise
            results.append(LayerResult(candidate.name, None, str(error)))
            continue
        made[candidate.module] = sparse_layer(candidate.module, kept, fallback)
        names[candidate.module] = candidate.name
        results.append(LayerResult(candidate.name, _retained(scores, kept), None))
    if not results:
        raise errors.InvalidArgumentError("requires a linear layer that the filter names, but there is none")
    for module in find_feature_major(model, feature_major, names):
        made[module].y_layout = "feature_major"
    replace_modules(model, made)
    return results


def _scores(
    candidate: Candidate, criterion: str, calibration: "Optional[Mapping[str, Tensor]]", exponent: float
) -> Tensor:
    """The layer's importance; LayerError if it does not fit."""
    name, module, reason = candidate
    if reason is None and name == "":
        reason = "requires a layer inside of a model, but it is the model itself"
    norms = None
    if reason is None and _has_hooks(module):
        reason = "requires a layer without hooks, which would be lost: remove them before, and register them after"
    if reason is None and criterion != "magnitude":
        norms = None if calibration is None else calibration.get(name)
        if norms is None and (criterion == "wanda" or calibration is not None):
            reason = f"requires activation norms for {criterion}, but the calibration has none"
    if reason is not None:
        raise LayerError(name, reason)
    try:
        # Products of finite numbers may overflow.
        return check_scores(importance(weight_of(module), criterion, activation_norms=norms, ria_exponent=exponent))
    except errors.InvalidArgumentError as error:
        raise LayerError(name, str(error)) from error


def _has_hooks(module: nn.Module) -> bool:
    """Whether a call of the layer does more than its class says."""
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return "forward" in vars(module) or any(getattr(module, kind, None) for kind in kinds)


def sparse_layer(module: nn.Module, kept: Structure, fallback: str) -> VNMLinear:
    """The sparse layer of a dense one, in its mode and with its bias."""
    layer = VNMLinear.from_dense(weight_of(module), kept, module.bias, fallback=fallback)
    layer.train(module.training)
    return layer


def _retained(scores: Tensor, kept: Structure) -> float:
    total = float(scores.sum(dtype=torch.float64))
    return float(kept.gather(scores).sum(dtype=torch.float64)) / total if total else 1.0


def replace_modules(model: nn.Module, made: "Mapping[nn.Module, nn.Module]") -> None:
    """Puts made[x] wherever a model holds x; a module may be held in several places."""
    places = [
        (parent, name, made[child])
        for parent in model.modules()
        for name, child in parent._modules.items()
        if child is not None and child in made
    ]
    for parent, name, module in places:
        parent._modules[name] = module
