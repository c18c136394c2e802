# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# This file configures the lit suite.

import ctypes
import os
import shutil

import lit.formats
from lit.llvm import llvm_config
from lit.llvm.subst import ToolSubst

config.name = "VNM"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test", ".py", ".c"]
config.excludes = ["CMakeLists.txt", "Inputs", "lib", "lit.cfg.py", "lit.site.cfg.py"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.vnm_obj_root, "test")

llvm_config.with_system_environment(
    [
        "ASAN_OPTIONS",
        "CCACHE_BASEDIR",
        "CCACHE_DIR",
        "HOME",
        "LSAN_OPTIONS",
        "OMP_NUM_THREADS",
        "TMPDIR",
        "UBSAN_OPTIONS",
    ]
)
llvm_config.with_environment("PATH", config.llvm_tools_dir, append_path=True)
llvm_config.with_environment("PATH", config.vnm_tools_dir, append_path=True)
llvm_config.use_default_substitutions()

llvm_config.add_tool_substitutions(
    [
        ToolSubst("%python", f"'{config.python}'", unresolved="fatal"),
        ToolSubst("mlir-opt", os.path.join(config.llvm_tools_dir, "mlir-opt")),
    ],
    [config.llvm_tools_dir],
)
llvm_config.add_tool_substitutions(
    ["vnm-opt", "vnm-runner", "vnm-reduce", "vnm-lsp-server"], [config.vnm_tools_dir]
)
config.substitutions.append(("%vnm_libs", config.vnm_lib_dir))
config.substitutions.append(("%vnm_plugin", config.vnm_plugin))
config.substitutions.append(("%vnm_test_plugin", config.vnm_test_plugin))
config.substitutions.append(("%vnm_src", config.vnm_src_root))
config.substitutions.append(("%vnm_obj", config.vnm_obj_root))
config.substitutions.append(("%ptxas", config.ptxas))
config.substitutions.append(("%cmake", config.cmake))
config.substitutions.append(("%cxx", config.cxx))
config.substitutions.append(("%cc", config.cc))
config.substitutions.append(("%llvm_prefix", config.llvm_prefix))
# A C compiler that knows the C interface: strict, and instrumented as we are.
sanitize = f"-fsanitize={config.sanitizer.replace(';', ',')}" if config.sanitizer else ""
config.substitutions.insert(
    0,
    (
        "%c_host",
        f"{config.cc} -std=c11 -Wall -Wextra -Werror -pedantic {sanitize} -I{config.vnm_src_root}/include"
        f" -I{config.vnm_src_root}/test/CAPI/Inputs -L{config.vnm_lib_dir} -Wl,-rpath,{config.vnm_lib_dir}"
        " -fuse-ld=lld -lVNM-C -lm",
    ),
)
# A C compiler that knows MLIR's C API, in archives, and ours beside it.
config.substitutions.insert(
    0,
    (
        "%mlir_c_host",
        f"{config.cc} -std=c11 -Wall -Wextra -Werror -I{config.vnm_src_root}/include -I{config.vnm_obj_root}/include"
        f" -I{config.vnm_src_root}/test/CAPI/Inputs -isystem {config.llvm_prefix}/include"
        f" -L{config.vnm_lib_dir} -Wl,-rpath,{config.vnm_lib_dir} -L{config.llvm_prefix}/lib"
        f" -Wl,-rpath,{config.llvm_prefix}/lib -fuse-ld=lld -lVNMCAPI -lMLIRCAPIRegisterEverything -lMLIRCAPIIR"
        " -lMLIR -lLLVM -lstdc++",
    ),
)
# The environment of scripts/build.sh, as far as ccache tells results apart by it.
locale = [f"{name}={os.environ[name]}" for name in ("LANG", "LC_ALL", "LC_CTYPE", "LC_MESSAGES") if name in os.environ]
config.substitutions.append(("%cached", f"env CCACHE_BASEDIR={config.vnm_src_root} {' '.join(locale)}"))
# A Python that knows the package of the source tree and our library.
config.substitutions.append(
    (
        "%vnm_python",
        f"env PYTHONDONTWRITEBYTECODE=1 PYTHONPATH={config.vnm_src_root}/python_bindings"
        f" VNM_LIBRARY={config.vnm_lib_dir}/libVNM-C.so '{config.python}'",
    )
)
# The same with PyTorch, which scripts/install_torch.sh installs apart. Small tensors
# are slow on many threads.
torch_python = os.path.join(config.vnm_src_root, "build", "torch", "bin", "python")
config.substitutions.append(
    (
        "%vnm_torch_python",
        f"env PYTHONDONTWRITEBYTECODE=1 PYTHONPATH={config.vnm_src_root}/python_bindings HF_HUB_OFFLINE=1"
        f" OMP_NUM_THREADS=1 VNM_LIBRARY={config.vnm_lib_dir}/libVNM-C.so '{torch_python}'",
    )
)


def has_cuda_device():
    """Whether the CUDA driver loads and initialises."""
    try:
        return ctypes.CDLL("libcuda.so.1").cuInit(0) == 0
    except OSError:
        return False


# Features: ptxas = NVIDIA's assembler is installed; cuda = a driver and a device
# are there; numpy = %python imports it; torch = PyTorch is installed; asan = our
# code is instrumented; release = it is built as the preset release does.
if config.ptxas and shutil.which(config.ptxas):
    config.available_features.add("ptxas")
if has_cuda_device():
    config.available_features.add("cuda")
if config.have_numpy:
    config.available_features.add("numpy")
if os.path.exists(os.path.join(config.vnm_src_root, "build", "torch", "requirements")):
    config.available_features.add("torch")
if config.sanitizer:
    config.available_features.add("asan")
elif config.build_type == "Release":
    config.available_features.add("release")
