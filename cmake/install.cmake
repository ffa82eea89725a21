# What `cmake --install` puts where: the plug-in, unversioned because hosts load it by this very name; the
# public header and the one that it includes; the tools, with manual page and shell completion; a CMake package (find_package(npu_delegate), target npu::delegate) and a .pc file.
include(CMakePackageConfigHelpers)

set_target_properties(npu_delegate PROPERTIES EXPORT_NAME delegate)
install(TARGETS npu_delegate EXPORT npu_delegate-targets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES capi/npu_delegate.h capi/npu_frame.h capi/npu_pipeline.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS delegate-check model-edit camera-run RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})

# What reports point to, and what describes them.
install(FILES docs/advice.md docs/operators.md docs/report.schema.json DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES docs/delegate-check.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
set(completion tools/delegate-check/completion)
install(FILES ${completion}/delegate-check.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
  RENAME delegate-check)
install(FILES ${completion}/_delegate-check DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES ${completion}/delegate-check.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/npu_delegate)
install(EXPORT npu_delegate-targets NAMESPACE npu:: DESTINATION ${package_dir})
configure_package_config_file(cmake/npu_delegate-config.cmake.in
  ${CMAKE_CURRENT_BINARY_DIR}/npu_delegate-config.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/npu_delegate-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/npu_delegate-config.cmake
  ${CMAKE_CURRENT_BINARY_DIR}/npu_delegate-config-version.cmake DESTINATION ${package_dir})

# From <prefix>/<libdir>/pkgconfig back up to <prefix>: two steps, one more for a multiarch libdir.
string(REGEX MATCHALL "/" libdir_steps "${CMAKE_INSTALL_LIBDIR}")
set(NPU_PC_UP "")
foreach(step IN LISTS libdir_steps)
  string(APPEND NPU_PC_UP "/..")
endforeach()
configure_file(cmake/npu_delegate.pc.in ${CMAKE_CURRENT_BINARY_DIR}/npu_delegate.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/npu_delegate.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
