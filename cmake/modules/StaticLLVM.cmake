# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# vnm_link_static_llvm(<name>): puts into a shared library what it needs of LLVM,
# MLIR, zlib, zstd and the C++ library, from archives. The result depends on the C
# library and on libgcc_s, the compiler's part of it, alone; its version script must
# hide all else.

function(vnm_link_static_llvm name)
  # Archives by file: as targets they would bring the shared libLLVM along. The
  # linker takes from them what is referred to, so that the targets of LLVM that
  # are in the library are those that somebody initialises: NVPTX.
  get_property(mlir_archives GLOBAL PROPERTY MLIR_ALL_LIBS)
  set(archives)
  foreach(archive IN LISTS mlir_archives LLVM_AVAILABLE_LIBS)
    set(file "${LLVM_LIBRARY_DIR}/lib${archive}.a")
    if(EXISTS "${file}")
      list(APPEND archives "${file}")
    endif()
  endforeach()
  foreach(library z zstd)
    find_library(VNM_STATIC_${library} NAMES lib${library}.a)
    if(NOT VNM_STATIC_${library})
      message(FATAL_ERROR "requires the archive lib${library}.a to link LLVM statically, but there is none")
    endif()
    list(APPEND archives "${VNM_STATIC_${library}}")
  endforeach()
  target_link_libraries(${name} PRIVATE ${archives})
  target_link_options(${name} PRIVATE
    -static-libstdc++
    LINKER:--gc-sections LINKER:--strip-all)
endfunction()
