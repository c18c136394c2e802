// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements vnm-runner: the runner's command line.

#include "vnm/ExecutionEngine/Runner.h"
#include "vnm/InitAll.h"
#include "vnm/Support/Version.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Support/ToolUtilities.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"

using namespace llvm;
using Target = vnm::RunnerOptions::Target;

static constexpr char overview[] =
    R"(Runs one function of an MLIR module on arrays from .npy files.

  vnm-runner mlp.mlir --entry=main --arg=x.npy --out=y.npy --repeat=10

The module may be as a front end emits it (linalg on tensors): the runner then
lowers it first with the target's pipeline. Give --arg once per argument and --out
once per result, in order. Element types: f16, f32, f64, i8 to i64, and bf16 as
its bit pattern (numpy uint16). OMP_NUM_THREADS sets the number of CPU threads.

To prune on the way:
  vnm-runner mlp.mlir --pipeline='vnm-lower-to-cpu{pattern=64:2:8}' --arg=x.npy
)";

static cl::OptionCategory category("vnm-runner options");
static cl::opt<std::string> input(cl::Positional, cl::desc("<mlir file>"),
                                  cl::init("-"), cl::cat(category));
static cl::opt<std::string> entry("entry", cl::desc("Function to call"),
                                  cl::value_desc("name"), cl::init("main"),
                                  cl::cat(category));
static cl::list<std::string>
    arguments("arg", cl::desc("Array file of the next argument"),
              cl::value_desc("x.npy"), cl::cat(category));
static cl::list<std::string>
    results("out", cl::desc("Array file to write the next result to"),
            cl::value_desc("y.npy"), cl::cat(category));
static cl::opt<Target> target(
    "target", cl::desc("Where to run (default: cpu)"), cl::init(Target::CPU),
    cl::values(clEnumValN(Target::CPU, "cpu", "this machine's processor"),
               clEnumValN(Target::CUDA, "cuda",
                          "an NVIDIA GPU; needs a driver"),
               clEnumValN(Target::Emulation, "emulate",
                          "an emulated NVIDIA GPU, which checks what kernels "
                          "do")),
    cl::cat(category));
static cl::opt<std::string>
    pipeline("pipeline",
             cl::desc("Lowering, if the module is not lowered yet (default: "
                      "vnm-lower-to-cpu, vnm-lower-to-nvvm or "
                      "vnm-lower-to-emulation)"),
             cl::value_desc("passes"), cl::cat(category));
static cl::opt<unsigned>
    repeat("repeat",
           cl::desc("Time N calls after one warm-up; print median, min, max"),
           cl::value_desc("N"), cl::init(0), cl::cat(category));
static cl::opt<std::string>
    objectFile("emit-object",
               cl::desc("Write the compiled code; without --arg and --out "
                        "nothing is run"),
               cl::value_desc("file.o"), cl::cat(category));
static cl::opt<std::string> emulationOrder(
    "emulate-order",
    cl::desc("When the emulator completes asynchronous work: late (default), "
             "early or random:SEED"),
    cl::value_desc("order"), cl::cat(category));
static cl::opt<std::string> emulationChecks(
    "emulate-checks",
    cl::desc("Checks of the emulator, separated by commas: all (default), none, "
             "names to add, -names to leave out"),
    cl::value_desc("checks"), cl::cat(category));

int main(int argc, char **argv) {
  vnm::initToolIdentity("vnm-runner");
  InitLLVM init(argc, argv);
  cl::HideUnrelatedOptions(category);
  cl::ParseCommandLineOptions(argc, argv, overview);

  vnm::RunnerOptions options;
  options.input = input;
  options.entry = entry;
  options.arguments.assign(arguments.begin(), arguments.end());
  options.results.assign(results.begin(), results.end());
  options.target = target;
  options.pipeline = pipeline;
  options.repeat = repeat;
  options.objectFile = objectFile;
  options.emulationOrder = emulationOrder;
  options.emulationChecks = emulationChecks;
  // bin and lib are siblings in the build tree and when installed.
  std::string self =
      sys::fs::getMainExecutable(argv[0], reinterpret_cast<void *>(&main));
  SmallString<128> libraries(sys::path::parent_path(self));
  sys::path::append(libraries, "..", "lib");
  options.libraryDir = std::string(libraries);

  mlir::DialectRegistry registry;
  vnm::registerForTool(registry);
  mlir::MLIRContext context(registry);
  return failed(vnm::run(context, options));
}
