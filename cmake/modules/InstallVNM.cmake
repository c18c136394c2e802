# Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
# See the file LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Install rules: headers, td files, libraries, and the package VNM that
# find_package(VNM) finds.

include(CMakePackageConfigHelpers)

set(VNM_INSTALL_CMAKEDIR "${CMAKE_INSTALL_LIBDIR}/cmake/vnm")
get_property(vnm_exported GLOBAL PROPERTY VNM_EXPORTED_TARGETS)

install(TARGETS ${vnm_exported} EXPORT VNMTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT VNMTargets FILE VNMTargets.cmake
  DESTINATION ${VNM_INSTALL_CMAKEDIR})
install(DIRECTORY "${VNM_SOURCE_DIR}/include/vnm"
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  FILES_MATCHING PATTERN "*.h" PATTERN "*.td")
install(DIRECTORY "${VNM_SOURCE_DIR}/include/vnm-c"
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  FILES_MATCHING PATTERN "*.h")
install(DIRECTORY "${VNM_BINARY_DIR}/include/vnm"
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  FILES_MATCHING PATTERN "*.h.inc")


# The tuner and the benchmark, and the tables measured with them.
install(PROGRAMS "${VNM_SOURCE_DIR}/scripts/vnm-tune"
  DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY "${VNM_SOURCE_DIR}/benchmarks/gpu/"
  DESTINATION ${CMAKE_INSTALL_DATADIR}/vnm/gpu
  FILES_MATCHING PATTERN "*.py" PATTERN "*.json")
install(FILES "${VNM_SOURCE_DIR}/python_bindings/vnm/_launcher.py"
  DESTINATION ${CMAKE_INSTALL_DATADIR}/vnm/gpu)

configure_package_config_file(
  "${CMAKE_CURRENT_LIST_DIR}/VNMConfig.cmake.in"
  "${VNM_BINARY_DIR}/cmake/VNMConfig.cmake"
  INSTALL_DESTINATION ${VNM_INSTALL_CMAKEDIR})
write_basic_package_version_file(
  "${VNM_BINARY_DIR}/cmake/VNMConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES
  "${VNM_BINARY_DIR}/cmake/VNMConfig.cmake"
  "${VNM_BINARY_DIR}/cmake/VNMConfigVersion.cmake"
  DESTINATION ${VNM_INSTALL_CMAKEDIR})
