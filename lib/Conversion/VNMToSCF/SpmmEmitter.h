// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the emitter of a product's loops.

#ifndef VNM_LIB_CONVERSION_VNMTOSCF_SPMMEMITTER_H
#define VNM_LIB_CONVERSION_VNMTOSCF_SPMMEMITTER_H

#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "vnm/Conversion/VNMToSCF/VNMToSCF.h"
#include "vnm/Dialect/VNM/IR/VNMOps.h"

namespace vnm {

/// Emits the loops of one vnm.spmm on memrefs:
///
///   parallel over batch, token tiles, row tiles (a panel, or 128 of its rows):
///     sums[rows][tokens] = 0, or Y if the op accumulates
///     for each block of metadata words:
///       window[16 per word][tokens] = the activation rows of the block's
///       column
///         slots, in the accumulator's type; zeros for slots without a column
///       for each row: sums[row] += values * window rows that metadata names
///     for each row: Y[row] = epilogue(sums[row])
///
/// The window and one row of sums stay in the L1 cache. Tokens are the vector
/// dimension throughout. A last, short token tile is computed 16 tokens at a
/// time, its reads and writes masked.
class SpmmEmitter {
public:
  SpmmEmitter(SpmmOp op, mlir::OpBuilder &builder,
              const VNMToSCFOptions &options);

  /// Emits everything at the builder's insertion point.
  void emit();

private:
  /// A stretch of tokens computed at a time.
  struct Tokens {
    mlir::Value first;
    int64_t width;
    /// Whether all of them exist.
    bool inBounds;
  };

  // The tile and its three phases.
  void emitTile();
  void emitTokenTiles(mlir::Value first);
  void emitTokens(Tokens tokens);
  void initializeSums(Tokens tokens);
  void gather(mlir::Value word, mlir::Value words, Tokens tokens);
  void multiply(mlir::Value word, mlir::Value words, Tokens tokens);
  void store(Tokens tokens);

  // Parts of the phases.
  mlir::Value columnOfSlot(mlir::Value slot);
  void prefetchWindow(mlir::Value tileRow, mlir::Value word, Tokens tokens);
  void loadRowValues(mlir::Value row, mlir::Value word);
  mlir::Value multiplyRow(mlir::Value row, mlir::Value word, mlir::Value words,
                          mlir::Value sum);
  void
  forEachChunk(Tokens tokens,
               llvm::function_ref<void(mlir::Value, mlir::Value, Tokens)> body);
  mlir::Value resultRow(mlir::Value storedRow);
  void storeVector(mlir::Value sum, mlir::Value row, Tokens tokens);
  mlir::Value applyEpilogue(mlir::Value sum, mlir::Value row, Tokens tokens);
  void storeElements(mlir::Value tileRow, mlir::Value row, Tokens tokens);
  mlir::Value stageFeatureMajor();

  // Small builders.
  mlir::Value index(int64_t value);
  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value add(mlir::Value a, int64_t b);
  mlir::Value mul(mlir::Value a, int64_t b);
  mlir::Value min(mlir::Value a, mlir::Value b);
  mlir::Value dim(mlir::Value memref, int64_t position);
  mlir::Value zero(mlir::Type type);
  mlir::Value convert(mlir::Value value, mlir::Type elementType);
  void forEach(mlir::Value count, llvm::function_ref<void(mlir::Value)> body);
  mlir::Value readTokens(mlir::Value source, mlir::ValueRange indices,
                         int64_t tokenDim, Tokens tokens);
  llvm::SmallVector<mlir::Value> position(mlir::Value row, mlir::Value token);
  mlir::Value scratch(llvm::ArrayRef<int64_t> shape);

  SpmmOp op;
  mlir::ImplicitLocOpBuilder b;

  // Extents that are known while emitting.
  int64_t numRows;
  int64_t numCols;
  int64_t numGroups;
  int64_t numWords;
  int64_t rowTile;
  int64_t tokenTile;
  int64_t blockWords;
  mlir::Type accumulatorType;

  // Values of the loops around the insertion point.
  mlir::Value x;         // feature-major
  mlir::Value numTokens; // T
  llvm::SmallVector<mlir::Value> batch;
  mlir::Value tokenTileIndex;
  mlir::Value rowTileIndex;
  mlir::Value firstRow;
  mlir::Value rowsInTile;
  mlir::Value panel;
  mlir::Value sums;
  mlir::Value window;
  mlir::Value rowValues;
};

} // namespace vnm

#endif // VNM_LIB_CONVERSION_VNMTOSCF_SPMMEMITTER_H
