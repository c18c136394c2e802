# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file tests training in three stages with peft and transformers.Trainer.
#
# REQUIRES: torch
# UNSUPPORTED: asan
# RUN: rm -rf %t && mkdir %t && cd %t && %vnm_torch_python %s %S/Inputs

import os
import shutil
import sys

import peft
import torch
import transformers
from torch import nn

import vnm
import vnm.torch as vt
from vnm.torch import lora

sys.path.insert(0, sys.argv[1])
from checks import refuses  # noqa: E402

os.environ["ACCELERATE_USE_CPU"] = "true"
TOKENS = torch.randint(0, 50, (16, 12), generator=torch.Generator().manual_seed(0))
DATA = [{"input_ids": row, "labels": row} for row in TOKENS]


def make_model():
    torch.manual_seed(1)
    config = transformers.GPT2Config(
        vocab_size=50, n_positions=16, n_embd=32, n_layer=2, n_head=2, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0
    )
    model = transformers.GPT2LMHeadModel(config)
    torch.manual_seed(2)
    settings = peft.LoraConfig(r=4, lora_alpha=8, target_modules=["c_fc", "c_proj"], fan_in_fan_out=True)
    return peft.get_peft_model(model, settings)


def make_config(**changes):
    return lora.LoraConfig(
        "16:2:8", **{"total_steps": 12, "dense_steps": 3, "dynamic_steps": 4, "refresh_every": 2, **changes}
    )


def make_trainer(folder, training, **arguments):
    settings = transformers.TrainingArguments(
        folder,
        max_steps=12,
        per_device_train_batch_size=4,
        save_steps=5,
        learning_rate=1e-2,
        report_to=[],
        disable_tqdm=True,
        use_cpu=True,
        seed=3,
        **arguments,
    )
    return transformers.Trainer(training.model, settings, train_dataset=DATA, callbacks=[training.callback()])


def trained(folder, resume=None):
    training = lora.ThreeStageLora(make_model(), make_config())
    make_trainer(folder, training).train(resume_from_checkpoint=resume)
    return training


def test_trainer_and_resume():
    whole = trained("whole")
    assert whole.step == 12 and whole.stage == 3
    assert all(layer.kept is not None for layer in whole.layers.values()) and len(whole.layers) == 6
    # Up to step 5 as the other, then from its checkpoint.
    shutil.copytree("whole/checkpoint-5", "half/checkpoint-5")
    resumed = trained("half", "half/checkpoint-5")
    for name, parameter in whole.model.named_parameters():
        assert torch.equal(parameter, resumed.model.get_parameter(name)), name
    for name, layer in whole.layers.items():
        assert torch.equal(layer.vnm_mask, resumed.layers[name].vnm_mask)
    os.remove("half/checkpoint-5/vnm_lora.pt")
    refuses(vnm.FileError, "vnm_lora.pt", trained, "half", "half/checkpoint-5")


def test_merges_what_it_trained():
    training = trained("merged")
    model = training.model.eval()
    expected = {name: layer.sum_weight() for name, layer in training.layers.items()}
    with torch.no_grad():
        y = model(TOKENS).logits
        merged = training.merge(pack=True)
        assert isinstance(merged, transformers.GPT2LMHeadModel)
        for name, weight in expected.items():
            layer = merged.get_submodule(name.removeprefix("base_model.model."))
            assert isinstance(layer, vt.VNMLinear) and torch.equal(layer.to_dense(), weight)
        assert torch.allclose(merged(TOKENS).logits, y, atol=1e-5)


def test_checkpoints_are_of_peft():
    training = trained("saved")
    training.model.save_pretrained("adapter")
    assert sorted(os.listdir("adapter"))[-1] == "adapter_model.safetensors"
    again = make_model()
    again.load_adapter("adapter", "default")
    other = lora.ThreeStageLora(again, make_config())
    other.load_state_dict(training.state_dict())
    for name, layer in training.layers.items():
        assert torch.equal(layer.sum_weight(), other.layers[name].sum_weight())


def test_calibration_by_either_name():
    model = make_model()
    plain = {
        name.removeprefix("base_model.model."): torch.rand(module.in_features)
        for name, module in model.named_modules()
        if hasattr(module, "lora_A")
    }
    training = lora.ThreeStageLora(model, make_config(criterion="wanda", dense_steps=0), calibration=plain)
    assert all(layer.vnm_mask is not None for layer in training.layers.values())


def test_refuses():
    training = lora.ThreeStageLora(make_model(), make_config(total_steps=13))
    refuses(
        vnm.InvalidArgumentError, "max_steps to be total_steps = 13, but it is 12", make_trainer("x", training).train
    )
    refuses(vnm.InvalidArgumentError, "requires a rank", lora.ThreeStageLora, make_model(), make_config(rank=0))
    model = peft.get_peft_model(
        nn.Sequential(nn.Linear(32, 32)), peft.LoraConfig(target_modules=["0"], lora_dropout=0.1)
    )
    refuses(vt.LayerError, "lora_dropout=0", lora.ThreeStageLora, model, make_config())
    model = peft.get_peft_model(nn.Sequential(nn.Linear(32, 32)), peft.LoraConfig(target_modules=["0"], use_dora=True))
    refuses(vt.LayerError, "plain LoRA", lora.ThreeStageLora, model, make_config())


for name, test in sorted(globals().copy().items()):
    if name.startswith("test_"):
        test()
        print("passed", name)
