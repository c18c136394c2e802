// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file puts the parts of the wgmma_sp kernel together: threads and their
// roles, tiles, and the barriers of the rings.
//
// A stage passes through three mbarriers:
//
//   full   the producers' copies have arrived (cp.async.mbarrier.arrive.noinc
//          of every lane, for every unit of the stage);
//   ready  they are visible to the asynchronous proxy (one arrival);
//   empty  the multiplications have read them (one arrival per warp).
//
// cp.async writes through the generic proxy, wgmma reads through the
// asynchronous one, so a proxy fence must lie on the path from write to read
// (PTX ISA 8.8, "Causality order": proxy-preserved base causality). Writes are
// ordered before the completion of `full`, which a thread of the fence role
// observes (acquire); it executes fence.proxy.async and arrives at `ready`
// (release), which the multiplying threads observe. The fence is then on the
// path, whoever executes it. Threads of its own execute it because a fence
// waits for its thread's outstanding loads and copies, of which these have
// none. The way back needs none: wgmma.wait_group has waited for the reads
// before the arrival at `empty`, and they write nothing.
//
// Tensor copies (WgmmaCopy.cpp) are of the asynchronous proxy themselves: their
// bytes and the arrival of the thread that issues them complete `full`, at
// which the multiplying threads wait; there is no `ready`.

#include "WgmmaKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace vnm;

/// Nanoseconds that a waiting thread may sleep; it tries again afterwards.
static constexpr int64_t kWaitTicks = 1000000;

WgmmaKernel::WgmmaKernel(ImplicitLocOpBuilder &builder, SpmmOp op,
                         const SpmmProblem &problem,
                         const WgmmaSchedule &schedule, ValueRange arguments)
    : KernelArithmetic(builder), op(op), problem(problem), schedule(schedule),
      args(op, arguments) {}

int64_t WgmmaKernel::stagesPerTile() const {
  return schedule.stagesPerTile(problem);
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

Value WgmmaKernel::emitTileCount() {
  if (schedule.rings == 1)
    return tileCounts[0];
  return select(equal(ring, 0), tileCounts[0], tileCounts[1]);
}

/// Once: they are divided, and two rings' gather asks for one or the other with
/// every unit.
void WgmmaKernel::emitCountTiles() {
  int64_t total = schedule.numTiles(problem) * problem.numBatches;
  if (schedule.cutsTail())
    total += schedule.numTailTiles(problem) * (schedule.tailCuts() - 1);
  for (int64_t number = 0; number < schedule.rings; ++number) {
    emitJoinRing(i32(number));
    Value left = sub(i32(total - 1), firstTile);
    Value count = add(div(left, tileStep), 1);
    tileCounts.push_back(select(less(firstTile, total), count, i32(0)));
  }
}

Value WgmmaKernel::emitWholeTileCount() {
  if (!schedule.cutsTail())
    return emitTileCount();
  return i32(schedule.numWaves(problem));
}

/// Row tiles are fastest: CTAs that run together then share activations in the
/// L2 cache. Of tiles that are cut, parts are fastest, which takes the fewest
/// instructions; CTAs of a cluster have the same part of neighbouring tiles.
WgmmaTile WgmmaKernel::emitTile(Value number, TileKind kind) {
  Value tile = add(firstTile, mul(number, tileStep));
  Value part;
  if (schedule.cutsTail() && kind != TileKind::Whole) {
    int64_t cluster = schedule.cluster, cuts = schedule.tailCuts();
    int64_t whole = schedule.numWaves(problem) * schedule.tilesPerWave();
    Value left = sub(tile, i32(whole));
    Value pair = div(left, cluster);
    Value cut = add(mul(div(pair, cuts), cluster), rem(left, cluster));
    cut = add(cut, whole);
    part = rem(pair, cuts);
    if (kind == TileKind::Any) {
      Value isWhole = less(tile, whole);
      cut = select(isWhole, tile, cut);
      part = select(isWhole, i32(0), part);
    }
    tile = cut;
  }
  int64_t rowTiles = llvm::divideCeil(problem.numRows, schedule.rowTile());
  int64_t tokenTiles = llvm::divideCeil(problem.numTokens, schedule.tokenTile);
  WgmmaTile result;
  result.row = mul(rem(tile, rowTiles), schedule.rowTile());
  result.panel = div(result.row, problem.panelRows);
  Value columnOfTiles = div(tile, rowTiles);
  result.token = mul(rem(columnOfTiles, tokenTiles), schedule.tokenTile);
  if (part)
    result.token = add(result.token, mul(part, schedule.tailTile));
  result.batch = div(columnOfTiles, tokenTiles);
  return result;
}

void WgmmaKernel::emitWithKind(TileKind kind, function_ref<void()> emitTiles) {
  TileKind before = tileKind;
  tileKind = kind;
  emitTiles();
  tileKind = before;
}

int64_t WgmmaKernel::tileTokens() const {
  return tileKind == TileKind::Cut ? schedule.tailTile : schedule.tokenTile;
}

//===----------------------------------------------------------------------===//
// Barriers
//===----------------------------------------------------------------------===//

Value WgmmaKernel::emitBarrierOffset(Barrier barrier, Value slot) {
  int64_t first = static_cast<int64_t>(barrier) * schedule.rings;
  Value number = add(mul(add(ring, first), schedule.stages), slot);
  return add(mul(number, 8), schedule.barrierOffset());
}

Value WgmmaKernel::emitBarrierAddress(Barrier barrier, Value slot) {
  return advance(shared, emitBarrierOffset(barrier, slot));
}

void WgmmaKernel::emitWait(Barrier barrier, Value slot, Value parity) {
  NVVM::MBarrierTryWaitParityOp::create(b, emitBarrierAddress(barrier, slot),
                                        parity, i32(kWaitTicks));
}

/// One thread initializes all barriers before any thread uses one.
void WgmmaKernel::emitBarrierInit() {
  auto branch = scf::IfOp::create(b, equal(thread, 0),
                                  /*withElseRegion=*/false);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    int64_t emptyCount = schedule.consumersPerRing() / WgmmaSchedule::kWarpSize;
    SmallVector<std::pair<Barrier, int64_t>> counts = {
        {Barrier::Full,
         WgmmaSchedule::kUnitsPerStage * WgmmaSchedule::kWarpSize},
        {Barrier::Ready, 1},
        {Barrier::Empty, emptyCount}};
    if (schedule.copies)
      counts = {{Barrier::Full, 1},
                {Barrier::Empty, schedule.cluster * emptyCount}};
    for (auto [barrier, count] : counts)
      for (int64_t number = 0; number < schedule.rings; ++number)
        for (int64_t slot = 0; slot < schedule.stages; ++slot) {
          ring = i32(number);
          NVVM::MBarrierInitOp::create(
              b, emitBarrierAddress(barrier, i32(slot)), i32(count), Value());
        }
    if (schedule.copies)
      NVVM::FenceMbarrierInitOp::create(b);
  }
  if (schedule.cluster > 1)
    emitClusterBarrier();
  else
    gpu::BarrierOp::create(b);
}

RingPosition WgmmaKernel::emitRingStart() { return {i32(0), i32(0)}; }

RingPosition WgmmaKernel::emitNext(const RingPosition &position) {
  Value next = add(position.slot, 1);
  Value wraps = equal(next, schedule.stages);
  return {select(wraps, i32(0), next),
          select(wraps, bitXor(position.parity, i32(1)), position.parity)};
}

//===----------------------------------------------------------------------===//
// Roles
//===----------------------------------------------------------------------===//

void WgmmaKernel::emitThreadPosition() {
  Type type = b.getI32Type();
  thread = NVVM::ThreadIdXOp::create(b, type);
  lane = rem(thread, WgmmaSchedule::kWarpSize);
  // A shuffle tells compilers that all lanes have the same number.
  Value number = div(thread, WgmmaSchedule::kWarpSize);
  number = NVVM::ShflOp::create(b, type, i32(-1), number, i32(0), i32(31),
                                NVVM::ShflKind::idx, UnitAttr());
  warpgroup = div(number, 4);
  warp = rem(number, 4);
}

Value WgmmaKernel::emitFreshLane() {
  return NVVM::ShflOp::create(b, b.getI32Type(), i32(-1), lane, lane, i32(31),
                              NVVM::ShflKind::idx, UnitAttr());
}

void WgmmaKernel::emitJoinRing(Value number) {
  ring = number;
  ringStart =
      advance(shared, mul(ring, schedule.stages * schedule.stageBytes()));
  Type type = b.getI32Type();
  int64_t tiles = schedule.tilesPerBlock();
  firstTile = mul(NVVM::BlockIdXOp::create(b, type), tiles);
  if (tiles > 1)
    firstTile = add(firstTile, ring);
  tileStep = mul(NVVM::GridDimXOp::create(b, type), tiles);
}

Value WgmmaKernel::emitTileStage(Value stage) {
  Value first = i32(0);
  if (schedule.splitsDepth)
    first = mul(ring, stagesPerTile());
  return add(rem(stage, stagesPerTile()), first);
}

RingPosition WgmmaKernel::emitRingPosition(Value stage) {
  return {rem(stage, schedule.stages), bitAnd(div(stage, schedule.stages), 1)};
}

Value WgmmaKernel::emitJoinRingOfStage(Value stage) {
  emitJoinRing(rem(stage, schedule.rings));
  return div(stage, schedule.rings);
}

/// One thread takes the stages of all rings in the order in which they are
/// gathered.
void WgmmaKernel::emitFenceRole() {
  auto branch = scf::IfOp::create(b, equal(lane, 0), /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  auto loop = scf::ForOp::create(b, i32(0), emitStageCount(), i32(1));
  b.setInsertionPointToStart(loop.getBody());
  Value stage = emitJoinRingOfStage(loop.getInductionVar());
  if (schedule.rings > 1) {
    Value exists = less(stage, mul(emitTileCount(), stagesPerTile()));
    auto inner = scf::IfOp::create(b, exists, /*withElseRegion=*/false);
    b.setInsertionPointToStart(inner.thenBlock());
  }
  RingPosition position = emitRingPosition(stage);
  emitWait(Barrier::Full, position.slot, position.parity);
  NVVM::FenceProxyOp::create(
      b, NVVM::ProxyKind::async_shared,
      NVVM::SharedSpaceAttr::get(b.getContext(),
                                 NVVM::SharedSpace::shared_cta));
  emitArrive(Barrier::Ready, position.slot);
}

/// Ring 0 has as many tiles as any.
Value WgmmaKernel::emitStageCount() {
  emitJoinRing(i32(0));
  return mul(emitTileCount(), stagesPerTile() * schedule.rings);
}

void WgmmaKernel::emitArrive(Barrier barrier, Value slot) {
  NVVM::MBarrierArriveOp::create(b, b.getI64Type(),
                                 emitBarrierAddress(barrier, slot));
}

/// The weights of a tile's first stages are loaded before the epilogue of the
/// tile before it.
void WgmmaKernel::emitTiles(Value first, Value last, Value count,
                            SmallVectorImpl<Value> &carried) {
  auto loop = scf::ForOp::create(b, first, last, i32(1), carried);
  carried.assign(loop.result_begin(), loop.result_end());
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value number = loop.getInductionVar();
  ValueRange current = loop.getRegionIterArgs();
  RingPosition position = {current[0], current[1]};
  StageWeightsList ahead = firstWeights;
  unpack(current.drop_front(2), ahead);

  WgmmaTile tile = emitTile(number, tileKind);
  Value sums = emitMainLoop(emitWeightPointers(tile), position, ahead);
  // The last tile's successor is itself: what is loaded is not used.
  Value next = minimum(add(number, 1), sub(count, i32(1)));
  ahead = emitLoadFirst(emitWeightPointers(emitTile(next)));
  NVVM::WgmmaWaitGroupSyncOp::create(b, 0);
  emitRelease(emitSlotBefore(position.slot), isTrue());
  if (schedule.splitsDepth)
    emitAddUp(tile, sums);
  else
    emitEpilogue(tile, emitExtractSums(sums));
  SmallVector<Value> results = {position.slot, position.parity};
  pack(ahead, results);
  scf::YieldOp::create(b, results);
}

/// Multiplies the ring's tiles one after the other.
void WgmmaKernel::emitConsumerRole() {
  NVVM::SetMaxRegisterOp::create(b, schedule.consumerRegisters,
                                 NVVM::SetMaxRegisterAction::increase);
  emitJoinRing(schedule.rings == 2 ? warpgroup : i32(0));
  if (schedule.cluster > 1)
    emitMapPeer();
  Value count = emitTileCount(), whole = emitWholeTileCount();
  RingPosition start = emitRingStart();
  SmallVector<Value> carried = {start.slot, start.parity};
  firstWeights = emitLoadFirst(emitWeightPointers(emitTile(i32(0))));
  pack(firstWeights, carried);
  emitTiles(i32(0), whole, count, carried);
  if (!schedule.cutsTail())
    return;
  emitWithKind(TileKind::Cut, [&] { emitTiles(whole, count, count, carried); });
}

void WgmmaKernel::emit(Value sharedMemory) {
  shared = sharedMemory;
  emitThreadPosition();
  emitBarrierInit();
  emitCountTiles();
  emitRoles();
  // A CTA's barriers are there as long as others arrive at them.
  if (schedule.cluster > 1) {
    NVVM::SyncWarpOp::create(b, i32(-1));
    emitClusterBarrier();
  }
}

void WgmmaKernel::emitRoles() {
  OpBuilder::InsertionGuard guard(b);
  auto multiplies = scf::IfOp::create(b, less(warpgroup, 2),
                                      /*withElseRegion=*/true);
  b.setInsertionPointToStart(multiplies.thenBlock());
  emitConsumerRole();
  b.setInsertionPointToStart(multiplies.elseBlock());
  NVVM::SetMaxRegisterOp::create(b, schedule.producerRegisters,
                                 NVVM::SetMaxRegisterAction::decrease);
  if (schedule.copies)
    return emitCopyRole();
  auto gathers = scf::IfOp::create(b, less(warp, WgmmaSchedule::kGatherWarps),
                                   /*withElseRegion=*/true);
  b.setInsertionPointToStart(gathers.thenBlock());
  emitProducerRole();
  b.setInsertionPointToStart(gathers.elseBlock());
  emitFenceRole();
}

//===----------------------------------------------------------------------===//
// The function
//===----------------------------------------------------------------------===//

gpu::GPUFuncOp vnm::buildWgmmaKernel(OpBuilder &builder, SpmmOp op,
                                     StringRef name, const SpmmProblem &problem,
                                     const WgmmaSchedule &schedule) {
  LLVM::GlobalOp global = getSharedMemory(builder, op.getLoc());
  gpu::GPUFuncOp kernel =
      createKernelFunction(builder, op, name, WgmmaSchedule::kThreads,
                           TypeRange(), /*takesMap=*/schedule.copies);
  // ptxas heeds setmaxnreg only where it knows the registers at the start.
  kernel->setAttr(NVVM::NVVMDialect::getMinctasmAttrName(),
                  builder.getI32IntegerAttr(1));
  if (schedule.cluster > 1)
    kernel->setAttr(NVVM::NVVMDialect::getClusterDimAttrName(),
                    builder.getDenseI32ArrayAttr(
                        {static_cast<int32_t>(schedule.cluster), 1, 1}));
  OpBuilder::InsertionGuard guard(builder);
  ImplicitLocOpBuilder body(op.getLoc(), builder);
  body.setInsertionPointToStart(&kernel.getBody().front());
  Value shared = LLVM::AddressOfOp::create(body, global);
  WgmmaKernel emitter(
      body, op, problem, schedule,
      kernel.getArguments().take_front(kernel.getNumArguments()));
  emitter.emit(shared);
  gpu::ReturnOp::create(body);
  return kernel;
}
