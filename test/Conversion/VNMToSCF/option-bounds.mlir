// RUN: not vnm-opt %s --convert-vnm-to-scf=token-tile=1024 2>&1 | FileCheck %s --check-prefix=TILE
// RUN: not vnm-opt %s --convert-vnm-to-scf=groups-per-block=-4 2>&1 | FileCheck %s --check-prefix=GROUPS
// RUN: not vnm-opt %s --vnm-lower-to-cpu=groups-per-block=4611686018427387904 2>&1 | FileCheck %s --check-prefix=MANY

// TILE: error: convert-vnm-to-scf requires token-tile to be a power of two in [16, 512], but it is 1024
// GROUPS: error: convert-vnm-to-scf requires groups-per-block to be a multiple of 4 in [4, 256], but it is -4
// MANY: error: convert-vnm-to-scf requires groups-per-block to be a multiple of 4 in [4, 256], but it is 4611686018427387904

func.func @f() {
  return
}
