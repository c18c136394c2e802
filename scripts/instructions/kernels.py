# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""PTX kernels that run one instruction each on operands in global memory.

Every kernel takes the addresses of A, B, C, metadata, memory, D and of a tensor
map that only tensor copies read. Block i handles sample i.
"""

from table import BITS, Instruction

SWIZZLE_CODE = {0: 0, 128: 1, 64: 2, 32: 3}


def names(prefix, count):
    return "{" + ", ".join(f"{prefix}{i}" for i in range(count)) + "}"


def descriptor_bits(instruction, operand):
    """The constant part of a descriptor: all but the address of shared memory."""
    i = instruction
    start, lbo, sbo = (i.start_a, i.lbo_a, i.sbo_a) if operand == "a" else (i.start_b, i.lbo_b, i.sbo_b)
    return (start >> 4) + (lbo >> 4 << 16) + (sbo >> 4 << 32) + (i.base_offset << 49) + (SWIZZLE_CODE[i.swizzle] << 62)


def shape(instruction):
    return f"m{64 if instruction.family == 'wgmma' else 16}n{instruction.n}k{instruction.k}"


def mma(i: Instruction):
    count_a, count_b, count_d, *_ = i.counts
    opcode = "mma.sp::ordered_metadata" if i.sparse else "mma"
    saturate = ".satfinite" if i.saturate else ""
    tail = f", %e0, {i.selector}" if i.sparse else ""
    return (f"{opcode}.sync.aligned.{shape(i)}.row.col{saturate}.{i.acc}.{i.type_a}.{i.type_b}.{i.acc} "
            f"{names('%d', count_d)}, {names('%a', count_a)}, {names('%b', count_b)}, {names('%c', count_d)}{tail};\n")


def wgmma(i: Instruction):
    count_d = i.counts[5] // 128
    text = "".join(f"mov.b32 %d{r}, {f'%c{r}' if i.scale_d else 0};\n" for r in range(count_d))
    for operand in "ab":
        text += f"""cvt.u64.u32 %desc_{operand}, %smem;
shr.u64 %desc_{operand}, %desc_{operand}, 4;
add.u64 %desc_{operand}, %desc_{operand}, {descriptor_bits(i, operand):#x};
"""
    a = "%desc_a" if i.a_shared else names("%a", 4)
    tail = [f"%e0, {i.selector}"] if i.sparse else []
    tail += ["%scale"]
    if i.acc != "s32":
        sign = -1 if i.negate else 1
        tail += [str(sign), "1"]
    if BITS[i.type_a] == 16:
        transposes = ([i.major_a] if i.a_shared else []) + [i.major_b]
        tail += [str(int(major == "mn")) for major in transposes]
    opcode = "wgmma.mma_async.sp" if i.sparse else "wgmma.mma_async"
    saturate = ".satfinite" if i.saturate else ""
    return text + f"""setp.ne.b32 %scale, {int(i.scale_d)}, 0;
wgmma.fence.sync.aligned;
{opcode}.sync.aligned.{shape(i)}{saturate}.{i.acc}.{i.type_a}.{i.type_b} {names('%d', count_d)}, {a}, %desc_b, {', '.join(tail)};
wgmma.commit_group.sync.aligned;
wgmma.wait_group.sync.aligned 0;
"""


def matrix_copy(i: Instruction):
    trans = ".trans" if i.transpose else ""
    text = "add.u32 %row, %smem, %a0;\n"
    if i.family == "ldmatrix":
        return text + f"ldmatrix.sync.aligned.m8n8.x{i.n}{trans}.shared.b16 {names('%d', i.n)}, [%row];\n"
    return text + f"stmatrix.sync.aligned.m8n8.x{i.n}{trans}.shared.b16 [%row], {names('%c', i.n)};\nbar.sync 0;\n"


def coordinates(i: Instruction):
    """Lane j holds coordinate j; every lane gets all of them."""
    text = "".join(f"shfl.sync.idx.b32 %x{j}, %a0, {j}, 31, 0xffffffff;\n" for j in range(len(i.box)))
    return text, names("%x", len(i.box))


def tensor_load(i: Instruction):
    text, at = coordinates(i)
    size = i.counts[5] * 4
    return text + f"""mov.u32 %bar, barrier;
setp.eq.u32 %first, %thread, 0;
@%first mbarrier.init.shared.b64 [%bar], 1;
fence.proxy.async.shared::cta;
bar.sync 0;
@!%first bra wait;
mbarrier.arrive.expect_tx.shared.b64 _, [%bar], {size};
cp.async.bulk.tensor.{len(i.box)}d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%smem], [%map, {at}], [%bar];
wait:
mbarrier.try_wait.parity.shared.b64 %done, [%bar], 0;
@!%done bra wait;
"""


def tensor_store(i: Instruction):
    text, at = coordinates(i)
    copies = "".join(f"st.shared.b32 [%lane_smem + {r * 128}], %b{r};\n" for r in range(i.counts[1]))
    return text + f"""setp.eq.u32 %first, %thread, 0;
shl.b32 %lane_smem, %thread, 2;
add.u32 %lane_smem, %lane_smem, %smem;
{copies}fence.proxy.async.shared::cta;
bar.sync 0;
@!%first bra wait;
cp.async.bulk.tensor.{len(i.box)}d.global.shared::cta.tile.bulk_group [%map, {at}], [%smem];
cp.async.bulk.commit_group;
cp.async.bulk.wait_group 0;
wait:
"""


def words_copy(i, count, source, destination):
    """All threads copy `count` words; the label is unique per direction."""
    load, store = ("ld.global", "st.shared") if source == "%ps" else ("ld.shared", "st.global")
    label = source.strip("%")
    return f"""mov.u32 %i, %thread;
copy_{label}:
setp.ge.u32 %done, %i, {count};
@%done bra end_{label};
mul.wide.u32 %wide, %i, 4;
cvt.u32.u64 %narrow, %wide;
add.u64 %wide, %wide, {source if source.startswith('%p') else destination};
add.u32 %narrow, %narrow, %smem;
{load}.b32 %word, [{'%wide' if source.startswith('%p') else '%narrow'}];
{store}.b32 [{'%narrow' if source.startswith('%p') else '%wide'}], %word;
add.u32 %i, %i, {i.lanes};
bra copy_{label};
end_{label}:
bar.sync 0;
"""


BODIES = {"mma": mma, "wgmma": wgmma, "ldmatrix": matrix_copy, "stmatrix": matrix_copy,
          "tma_load": tensor_load, "tma_store": tensor_store}


def registers(i: Instruction):
    count_a, count_b, count_c, count_e, _, count_d = i.counts
    per_lane = count_d // i.lanes
    text = ".reg .b32 %thread, %cta, %lane, %i, %narrow, %word, %smem, %row, %bar, %lane_smem;\n"
    text += ".reg .b64 %wide, %desc_a, %desc_b, %map, %pa, %pb, %pc, %pe, %ps, %pd;\n.reg .pred %scale, %done, %first;\n"
    for letter, count in (("a", count_a), ("b", count_b), ("c", count_c), ("e", count_e), ("d", per_lane), ("x", 3)):
        text += f".reg .b32 %{letter}<{count}>;\n" if count else ""
    return text


def kernel(i: Instruction):
    """The text of the kernel of one instruction, named after it."""
    count_a, count_b, count_c, count_e, count_s, count_d = i.counts
    parameters = ",\n".join(f".param .u64 {p}" for p in ("pa", "pb", "pc", "pe", "ps", "pd", "map"))
    image = max(i.shared, count_d * 4 if i.family == "tma_load" else 0, count_b * 128 if i.family == "tma_store" else 0)
    text = f".visible .entry {i.name}({parameters}) .maxntid {i.lanes}\n{{\n"
    if image:
        text += f".shared .align 1024 .b8 image[{image}];\n.shared .align 8 .b64 barrier;\n"
    text += registers(i) + "mov.u32 %thread, %tid.x;\nmov.u32 %cta, %ctaid.x;\n"
    text += "mov.u32 %smem, image;\n" if image else ""
    text += "ld.param.u64 %map, [map];\n"
    sizes = {"a": count_a * i.lanes, "b": count_b * i.lanes, "c": count_c * i.lanes, "e": count_e * i.lanes,
             "s": 0 if i.family.startswith("tma") else count_s, "d": count_d}
    for letter, words in sizes.items():
        text += f"ld.param.u64 %p{letter}, [p{letter}];\ncvta.to.global.u64 %p{letter}, %p{letter};\n"
        text += f"mul.wide.u32 %wide, %cta, {words * 4};\nadd.u64 %p{letter}, %p{letter}, %wide;\n"
    if count_s and not i.family.startswith("tma"):
        text += words_copy(i, count_s, "%ps", "image") + "fence.proxy.async.shared::cta;\nbar.sync 0;\n"
    for letter, count in (("a", count_a), ("b", count_b), ("c", count_c), ("e", count_e)):
        # Stores take their data word by word, so that it lies in order.
        in_order = i.family == "tma_store" and letter == "b"
        text += f"mul.wide.u32 %wide, %thread, {4 if in_order else count * 4};\nadd.u64 %wide, %wide, %p{letter};\n"
        text += "".join(f"ld.global.b32 %{letter}{r}, [%wide + {r * (128 if in_order else 4)}];\n" for r in range(count))
    text += BODIES[i.family](i)
    if i.family in ("stmatrix", "tma_load"):
        text += words_copy(i, count_d, "image", "%pd")
    elif i.family != "tma_store":
        per_lane = count_d // i.lanes
        text += f"mul.wide.u32 %wide, %thread, {per_lane * 4};\nadd.u64 %wide, %wide, %pd;\n"
        text += "".join(f"st.global.b32 [%wide + {r * 4}], %d{r};\n" for r in range(per_lane))
    return text + "ret;\n}\n"


def module(instructions):
    return ".version 8.5\n.target sm_90a\n.address_size 64\n" + "\n".join(map(kernel, instructions))
