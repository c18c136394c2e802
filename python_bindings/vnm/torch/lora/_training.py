# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file controls a training in three stages.

"""ThreeStageLora: which layers are trained, their masks, and what comes out."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any, Optional

import torch
from torch import Tensor, nn

from ... import errors
from ..._pattern import Pattern
from .._layers import Filter, LayerError, find_candidates, weight_of
from .._layouts import find_feature_major
from .._linear import VNMLinear
from .._scores import check_finite, check_norms, importance
from .._sparsify import replace_modules
from .._structure import Structure, structure, to_host
from ._config import LoraConfig
from ._layer import LoraLinear
from ._memory import MemoryReport, report_memory
from ._peft import check_layer, find_peft_layers, mask_layer

_VERSION = 1


class ThreeStageLora:
    """Trains a model's linear layers to a V:N:M pattern in three stages.

    In a plain loop, call advance() after every step of the optimizer; in
    transformers.Trainer, pass callback(). A model of peft keeps its adapters, its
    configuration and its checkpoints; of another, `filter` names the layers (as for
    sparsify_), which become LoraLinear. `calibration` is what calibrate() gave, for
    wanda and ria. Everything else of the model is frozen as far as requires_grad says:
    this class freezes W only.

    >>> import torch
    >>> model = torch.nn.Sequential(torch.nn.Linear(64, 64))
    >>> training = ThreeStageLora(model, LoraConfig("16:2:8", total_steps=20))
    >>> optimizer = torch.optim.AdamW(training.parameters(), lr=training.config.learning_rate)
    >>> for step in range(20):
    ...     loss = (model(torch.randn(8, 64)) ** 2).mean()
    ...     loss.backward()
    ...     optimizer.step()
    ...     optimizer.zero_grad()
    ...     training.advance()
    >>> training.stage
    3
    >>> training.merge(pack=True)[0]
    VNMLinear(in_features=64, out_features=64, bias=True, pattern=16:2:8, form=strict)
    """

    def __init__(
        self,
        model: nn.Module,
        config: LoraConfig,
        *,
        filter: Filter = None,  # noqa: A002
        calibration: "Optional[Mapping[str, Tensor]]" = None,
    ) -> None:
        self.model, self.config, self.step = model, config, 0
        self._norms: "dict[str, Optional[Tensor]]" = {}
        peft_layers = find_peft_layers(model)
        if peft_layers:
            names = peft_layers
            for name, module in names.items():
                check_layer(name, module)
            if not config.rank:
                raise errors.InvalidArgumentError("requires a rank with peft, which trains factors, but it is 0")
        else:
            names = self._plain_layers(filter)
        self._check_layers(names, calibration)
        if peft_layers:
            self.layers = {name: mask_layer(module) for name, module in names.items()}
        else:
            self.layers = {
                name: LoraLinear(module, config.rank, config.scaling, config.srste_decay)
                for name, module in names.items()
            }
            replace_modules(model, {names[name]: layer for name, layer in self.layers.items()})
        if self.config.refreshes(0):
            self.refresh()

    def _plain_layers(self, chosen: Filter) -> "dict[str, nn.Module]":
        found = {}
        for name, module, reason in find_candidates(self.model, chosen):
            if reason is not None or name == "":
                raise LayerError(name, reason or "requires a layer inside of a model, but it is the model itself")
            found[name] = module
        if not found:
            raise errors.InvalidArgumentError("requires a linear layer that the filter names, but there is none")
        return found

    def _check_layers(self, names: "Mapping[str, nn.Module]", given: "Optional[Mapping[str, Tensor]]") -> None:
        """Checks weights and norms before anything is changed."""
        for name, module in names.items():
            weight = weight_of(module.get_base_layer() if hasattr(module, "get_base_layer") else module)
            try:
                check_finite(weight)
                norms = self._find_norms(name, given)
                self._norms[name] = None if norms is None else check_norms(norms, weight.shape[1])
            except errors.InvalidArgumentError as error:
                raise error if isinstance(error, LayerError) else LayerError(name, str(error)) from error

    def _find_norms(self, name: str, given: "Optional[Mapping[str, Tensor]]") -> Optional[Tensor]:
        if self.config.criterion == "magnitude":
            return None
        # The norms of a peft layer may have been taken before peft wrapped it.
        names = (name, name.removeprefix("base_model.model."), f"{name}.base_layer")
        norms = next((given[key] for key in names if key in given), None) if given is not None else None
        if norms is None and (self.config.criterion == "wanda" or given is not None):
            raise LayerError(name, f"requires activation norms for {self.config.criterion}, but there are none")
        return norms

    @property
    def stage(self) -> int:
        """The stage, 1 to 3, of the next step; 3 after the last."""
        return self.config.stage(self.step)

    def parameters(self) -> "Iterator[nn.Parameter]":
        """What the layers train: A and B, or W with rank 0."""
        for layer in self.layers.values():
            a, b, _ = layer.factors()
            yield from ((layer.base().weight,) if a is None else (a, b))

    def parameter_groups(self) -> "list[dict[str, Any]]":
        """For an optimizer: the parameters with the learning rate of the settings."""
        return [{"params": list(self.parameters()), "lr": self.config.learning_rate}]

    def advance(self) -> None:
        """To be called after every step of the optimizer."""
        if self.step >= self.config.total_steps:
            raise errors.InvalidArgumentError(f"requires at most {self.config.total_steps} steps, but this is one more")
        self.step += 1
        if self.config.refreshes(self.step):
            self.refresh()

    @torch.no_grad()
    def refresh(self) -> None:
        """Chooses all masks anew from W + s B A. LayerError: a weight that is not finite."""
        config = self.config
        found = {}
        for name, layer in self.layers.items():
            try:
                scores = importance(
                    layer.sum_weight(masked=False),
                    config.criterion,
                    activation_norms=self._norms[name],
                    ria_exponent=config.ria_exponent,
                )
                found[name] = structure(None, config.pattern, scores=scores, **config.search())
            except errors.InvalidArgumentError as error:
                raise LayerError(name, str(error)) from error
        for name, kept in found.items():
            self.layers[name].set_kept(kept)

    def state_dict(self) -> "dict[str, Any]":
        """The step, the settings and the masks: all that a checkpoint needs beside the
        state of the model, where W, A and B are, and of the optimizer."""
        kept = {
            name: {"metadata": layer.kept.metadata, "columns": layer.kept.columns, "rows": layer.kept.rows}
            for name, layer in self.layers.items()
            if layer.kept is not None
        }
        return {"version": _VERSION, "step": self.step, "config": asdict(self.config), "kept": kept}

    def load_state_dict(self, state: "Mapping[str, Any]") -> None:
        """Goes on where state_dict() was taken. FormatError: another version, other
        settings or layers, masks that break the storage format; nothing is changed then."""
        if not isinstance(state, Mapping) or state.get("version") != _VERSION:
            raise errors.FormatError(f"requires a state of version {_VERSION}, but it is another or none")
        for name, value in asdict(self.config).items():
            if state["config"].get(name) != value:
                raise errors.FormatError(
                    f"requires a state with {name} = {value!r}, but it was made with {state['config'].get(name)!r}"
                )
        masked = self.config.stage(state["step"]) > 1
        if set(state["kept"]) != (set(self.layers) if masked else set()):
            raise errors.FormatError("requires a state of the same layers, but it is of others")
        found = {name: self._read_kept(name, arrays) for name, arrays in state["kept"].items()}
        self.step = state["step"]
        for name, layer in self.layers.items():
            layer.set_kept(found.get(name))

    def _read_kept(self, name: str, arrays: "Mapping[str, Any]") -> Structure:
        weight = self.layers[name].sum_weight(masked=False)
        pattern, shape = Pattern(self.config.pattern), tuple(weight.shape)
        on_device = {key: None if array is None else array.to(weight.device) for key, array in arrays.items()}
        kept = Structure(pattern, self.config.form, shape, **on_device)
        try:
            to_host(kept, torch.zeros(shape[0], pattern.sizes(*shape).row_values, dtype=torch.int8))
        except errors.Error as error:
            raise errors.FormatError(f"layer {name!r}: {error}") from error
        return kept

    @torch.no_grad()
    def merge(self, *, pack: bool = False, fallback: str = "error") -> nn.Module:
        """Replaces the trained layers by their sums, masked: exactly V:N:M-sparse.

        They become torch.nn.Linear or, with `pack`, VNMLinear, which loses nothing, with
        layouts of results as by sparsify_(). Returns the model, of peft the one inside.
        InvalidArgumentError: in stage 1, where there is no mask.
        """
        if self.stage == 1 or any(layer.kept is None for layer in self.layers.values()):
            raise errors.InvalidArgumentError("requires stage 2 or 3 to merge, but it is stage 1, without masks")
        made = {}
        names = {layer: name for name, layer in self.layers.items()}
        read = find_feature_major(self.model, "auto", names) if pack else set()
        for name, layer in self.layers.items():
            base, weight = layer.base(), layer.sum_weight()
            if pack:
                layout = "feature_major" if layer in read else None
                made[layer] = VNMLinear.from_dense(weight, layer.kept, base.bias, fallback=fallback, y_layout=layout)
            else:
                made[layer] = _dense_layer(base, weight)
            made[layer].train(layer.training)
        replace_modules(self.model, made)
        unwrap = getattr(self.model, "get_base_model", None)
        self.layers = {}
        return unwrap() if unwrap else self.model

    def memory_report(self) -> MemoryReport:
        """What the layers take in memory in the present stage."""
        return report_memory(self.layers.values())

    def callback(self) -> Any:
        """A callback for transformers.Trainer that advances, saves and resumes."""
        from ._trainer import ThreeStageCallback

        return ThreeStageCallback(self)


def _dense_layer(base: nn.Module, weight: Tensor) -> nn.Linear:
    rows, cols = weight.shape
    linear = nn.Linear(cols, rows, bias=base.bias is not None, device="meta")
    linear.weight = nn.Parameter(weight, requires_grad=False)
    linear.bias = base.bias
    return linear
