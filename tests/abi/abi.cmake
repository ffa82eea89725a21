# The host door is a library of objects, so that these tests see its inside.
target_link_libraries(host_graph_test PRIVATE npu_delegate_door)
target_link_libraries(delegate_test PRIVATE npu_delegate_door)
target_link_libraries(plugin_test PRIVATE npu_delegate_door)

# What the plug-in exports and what it asks of a host, read from its dynamic symbol table.
add_test(NAME abi.exports COMMAND ${CMAKE_COMMAND}
  -DNM=${CMAKE_NM} -DLIBRARY=$<TARGET_FILE:npu_delegate> -DHEADERS=${CMAKE_SOURCE_DIR}/capi/npu_delegate.h,${CMAKE_SOURCE_DIR}/capi/npu_frame.h,${CMAKE_SOURCE_DIR}/capi/npu_pipeline.h
  -P ${CMAKE_SOURCE_DIR}/tests/abi/check_exports.cmake)
set_tests_properties(abi.exports PROPERTIES LABELS abi)

# dlopen, use, dlclose: the library must really leave the process.
add_executable(dlclose_check ${CMAKE_SOURCE_DIR}/tests/abi/dlclose_check.cc)
target_link_libraries(dlclose_check PRIVATE ${CMAKE_DL_LIBS})
add_dependencies(dlclose_check npu_delegate)
add_test(NAME abi.dlclose COMMAND dlclose_check $<TARGET_FILE:npu_delegate>
  ${CMAKE_SOURCE_DIR}/examples/digits/digits_int8.tflite)
set_tests_properties(abi.dlclose PROPERTIES LABELS abi TIMEOUT 120)
