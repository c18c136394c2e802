// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the versioned bytecode of the vnm dialect.

#include "mlir/Bytecode/BytecodeImplementation.h"
#include "vnm/Dialect/VNM/IR/VNMDialect.h"

using namespace mlir;
using namespace vnm;

namespace {
/// The version of the dialect that wrote a file.
struct VNMDialectVersion : DialectVersion {
  explicit VNMDialectVersion(uint64_t version) : version(version) {}
  uint64_t version;
};

/// Records the dialect's version. Attributes travel in their text form, which
/// names every parameter, so that a new parameter with a default needs no new
/// version; a change of meaning does, and is upgraded on reading.
struct VNMBytecodeInterface : BytecodeDialectInterface {
  explicit VNMBytecodeInterface(Dialect *dialect)
      : BytecodeDialectInterface(dialect) {}

  void writeVersion(DialectBytecodeWriter &writer) const override {
    writer.writeVarInt(VNMDialect::kVersion);
  }

  std::unique_ptr<DialectVersion>
  readVersion(DialectBytecodeReader &reader) const override {
    uint64_t version;
    if (failed(reader.readVarInt(version)))
      return nullptr;
    if (version > VNMDialect::kVersion) {
      reader.emitError() << "requires version " << VNMDialect::kVersion
                         << " or older of the vnm dialect, but the bytecode "
                            "has version "
                         << version;
      return nullptr;
    }
    return std::make_unique<VNMDialectVersion>(version);
  }
};
} // namespace

void VNMDialect::registerBytecodeInterface() {
  addInterfaces<VNMBytecodeInterface>();
}
