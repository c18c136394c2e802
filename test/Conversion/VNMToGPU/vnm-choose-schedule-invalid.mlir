// DEFINE: %{bad} = not vnm-opt %s -o /dev/null --vnm-choose-schedule
// RUN: %{bad}="chip=sm_1" 2>&1 | FileCheck %s --check-prefix=CHIP
// RUN: %{bad}="chip=sm_90a family=wgmma" 2>&1 | FileCheck %s --check-prefix=FAMILY
// RUN: %{bad}="chip=sm_90a cost-table=%t.missing" 2>&1 | FileCheck %s --check-prefix=MISSING
// RUN: echo '{"version": 1, "device": "d", "entries": [{"rows": 1, "cols": 1, "tokens": 1, "dtype": "f16", "pattern": "dense", "family": "f", "microseconds": 1, "schedule": {"stages": 0}}]}' > %t.json
// RUN: %{bad}="chip=sm_90a cost-table=%t.json" 2>&1 | FileCheck %s --check-prefix=TABLE
// RUN: not vnm-opt %s -o /dev/null --vnm-list-schedules="chip=sm_1" 2>&1 | FileCheck %s --check-prefix=CHIP
// RUN: not vnm-opt %s -o /dev/null --vnm-list-schedules="chip=sm_90a file=%t.none/list.json" 2>&1 | FileCheck %s --check-prefix=FILE

// CHIP: requires chip to be one of sm_80{{.*}}, but it is 'sm_1'
// FAMILY: requires family to be auto, mma_sp, wgmma_sp or skinny, but it is 'wgmma'
// MISSING: vnm-choose-schedule: option cost-table: requires a readable file, but '{{.*}}.missing' cannot be read
// TABLE: vnm-choose-schedule: option cost-table: '{{.*}}.json': $.entries[0].schedule.stages: requires a positive integer
// FILE: vnm-list-schedules: option file: requires a writable file, but '{{.*}}list.json' cannot be written
