# A real camera driver in a virtual machine. Its test is skipped until tests/camera_vm/prepare.sh has fetched the machine:
# tools/test.sh does, a build does not fetch 90 MB by itself.
find_package(PkgConfig REQUIRED)
pkg_check_modules(LIBDRM REQUIRED IMPORTED_TARGET libdrm)
add_executable(camera_vm_test ${CMAKE_CURRENT_LIST_DIR}/camera_vm_test.cc)
target_link_libraries(camera_vm_test PRIVATE npu_camera_run npu_delegate npu_test_support GTest::gtest PkgConfig::LIBDRM)
set_target_properties(camera_vm_test PROPERTIES BUILD_RPATH "$ORIGIN/../lib")
add_test(NAME camera.vm COMMAND ${CMAKE_CURRENT_LIST_DIR}/run.sh ${CMAKE_BINARY_DIR})
set_tests_properties(camera.vm PROPERTIES LABELS camera SKIP_RETURN_CODE 77 TIMEOUT 1260 RUN_SERIAL TRUE)
