# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Targets of this project: add_vnm_library, add_vnm_tool, add_vnm_plugin,
# add_vnm_unittest and add_vnm_doc. All link the shared libLLVM and, where asked, libMLIR.

# Compile and link options every target of ours gets.
function(vnm_target_defaults name)
  target_include_directories(${name} PUBLIC
    $<BUILD_INTERFACE:${VNM_SOURCE_DIR}/include>
    $<BUILD_INTERFACE:${VNM_BINARY_DIR}/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_compile_definitions(${name} PRIVATE ${LLVM_DEFINITIONS_LIST})
  target_compile_options(${name} PRIVATE
    $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wno-unused-parameter>)
  if(VNM_ENABLE_ASSERTIONS)
    target_compile_options(${name} PRIVATE -UNDEBUG)
  endif()
  if(VNM_USE_SANITIZER)
    string(REPLACE ";" "," sanitizers "${VNM_USE_SANITIZER}")
    # vptr needs every class's typeinfo instrumented, and libMLIR's is not.
    set(flags -fsanitize=${sanitizers} -fno-sanitize=vptr,function
      -fno-sanitize-recover=all -fno-omit-frame-pointer -g1)
    target_compile_options(${name} PRIVATE ${flags})
    target_link_options(${name} PRIVATE ${flags})
  endif()
endfunction()

# add_vnm_library(<name> [SHARED] <sources>... [DEPENDS <targets>...]
#                 [LINK_LIBS <our libraries>...] [MLIR] [NO_EXPORT])
# A library of the project; MLIR links it against libMLIR as well, unless that is
# linked statically at the end (VNM_STATIC_LLVM).
function(add_vnm_library name)
  cmake_parse_arguments(ARG "SHARED;MLIR;NO_EXPORT" "" "DEPENDS;LINK_LIBS" ${ARGN})
  set(kind STATIC)
  if(ARG_SHARED)
    set(kind SHARED)
  endif()
  add_library(${name} ${kind} ${ARG_UNPARSED_ARGUMENTS})
  vnm_target_defaults(${name})
  # Debian's LLVM is built with RTTI and without exceptions; so are we.
  target_compile_options(${name} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions>)
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
  target_link_libraries(${name} PUBLIC ${ARG_LINK_LIBS})
  if(ARG_MLIR)
    if(NOT VNM_STATIC_LLVM)
      mlir_target_link_libraries(${name} PUBLIC MLIR)
    endif()
    # Our asserts must not change the layout of what libMLIR constructs.
    target_compile_options(${name} PRIVATE
      "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-include ${VNM_SOURCE_DIR}/cmake/modules/NoStatistics.h>")
  endif()
  if(NOT ARG_NO_EXPORT)
    set_property(GLOBAL APPEND PROPERTY VNM_EXPORTED_TARGETS ${name})
  endif()
endfunction()

# add_vnm_tool(<name> <sources>... [LINK_LIBS <libraries>...]): an executable
# that links libMLIR and is installed.
function(add_vnm_tool name)
  cmake_parse_arguments(ARG "" "" "LINK_LIBS" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  vnm_target_defaults(${name})
  target_compile_options(${name} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions>)
  target_link_libraries(${name} PRIVATE ${ARG_LINK_LIBS})
  mlir_target_link_libraries(${name} PRIVATE MLIR)
  install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endfunction()

# add_vnm_plugin(<name> <sources>... [LINK_LIBS <libraries>...]): a module that
# stock mlir-opt loads. It must hold no MLIR of its own, only link libMLIR.
function(add_vnm_plugin name)
  cmake_parse_arguments(ARG "" "" "LINK_LIBS" ${ARGN})
  add_library(${name} MODULE ${ARG_UNPARSED_ARGUMENTS})
  set_target_properties(${name} PROPERTIES PREFIX "")
  vnm_target_defaults(${name})
  target_compile_options(${name} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions>)
  target_link_libraries(${name} PRIVATE ${ARG_LINK_LIBS})
  mlir_target_link_libraries(${name} PRIVATE MLIR)
  install(TARGETS ${name} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
endfunction()

# add_vnm_unittest(<name> <sources>... [LINK_LIBS <libraries>...]): a GoogleTest
# program, built by the target VNMUnitTests and run by ctest and lit.
function(add_vnm_unittest name)
  if(NOT name MATCHES "Tests?$")
    message(FATAL_ERROR "requires a unit test's name to end in Test or Tests, as lit finds it by that, but it is ${name}")
  endif()
  cmake_parse_arguments(ARG "" "" "LINK_LIBS" ${ARGN})
  add_executable(${name} EXCLUDE_FROM_ALL ${ARG_UNPARSED_ARGUMENTS})
  vnm_target_defaults(${name})
  target_link_libraries(${name} PRIVATE ${ARG_LINK_LIBS} GTest::gtest GTest::gtest_main)
  set_target_properties(${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY "${VNM_BINARY_DIR}/test/unit")
  add_dependencies(VNMUnitTests ${name})
endfunction()

# add_vnm_doc(<td file> <output name> <output dir under docs> <mlir-tblgen args>...):
# generates reference documentation, as a part of the target vnm-doc.
function(add_vnm_doc td output directory)
  set(LLVM_TARGET_DEFINITIONS ${td})
  mlir_tablegen(${output}.md ${ARGN} "-I${VNM_SOURCE_DIR}/include")
  set(generated "${VNM_BINARY_DIR}/docs/${directory}/${output}.md")
  add_custom_command(OUTPUT ${generated}
    COMMAND ${CMAKE_COMMAND} -E copy "${CMAKE_CURRENT_BINARY_DIR}/${output}.md" ${generated}
    DEPENDS "${CMAKE_CURRENT_BINARY_DIR}/${output}.md")
  add_custom_target(${output}DocGen DEPENDS ${generated})
  add_dependencies(vnm-doc ${output}DocGen)
endfunction()
