# delegate-check and the C API from outside: needs nothing but Python's standard library.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
set(digits ${CMAKE_SOURCE_DIR}/examples/digits)
# A test per topic; what they share is check_support.py.
foreach(topic command_line first_minutes delegate_check collection diff errors layers accuracy host_report devices text
    report_schema formats)
  add_test(NAME abi.${topic} COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_LIST_DIR}/${topic}_test.py
    $<TARGET_FILE:delegate-check> ${digits})
  set_tests_properties(abi.${topic} PROPERTIES LABELS abi TIMEOUT 300 SKIP_RETURN_CODE 77)
endforeach()
# What delegate-check does with a device that is wrong: there is none, so a library stands between.
add_library(wrong_layers MODULE ${CMAKE_CURRENT_LIST_DIR}/wrong_layers.cc)
target_include_directories(wrong_layers PRIVATE ${CMAKE_SOURCE_DIR})
target_link_libraries(wrong_layers PRIVATE nlohmann_json::nlohmann_json ${CMAKE_DL_LIBS})
set_target_properties(wrong_layers PROPERTIES CXX_VISIBILITY_PRESET default)
add_test(NAME abi.layers_formats COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_LIST_DIR}/layers_formats_test.py
  $<TARGET_FILE:delegate-check> ${digits} $<TARGET_FILE:wrong_layers>)
set_tests_properties(abi.layers_formats PROPERTIES LABELS abi TIMEOUT 300 SKIP_RETURN_CODE 77)
# The page of --format html in Debian's Chromium, driven by Debian's Python.
add_test(NAME abi.html_page COMMAND ${CMAKE_SOURCE_DIR}/tests/support/run_python.sh /usr/bin/python3
  ${CMAKE_CURRENT_LIST_DIR}/html_page_test.py $<TARGET_FILE:delegate-check> ${digits} $<TARGET_FILE:wrong_layers>)
set_tests_properties(abi.html_page PROPERTIES LABELS abi SKIP_RETURN_CODE 77 TIMEOUT 300)
add_test(NAME abi.model_explorer COMMAND ${CMAKE_SOURCE_DIR}/tests/support/run_python.sh
  ${CMAKE_SOURCE_DIR}/build/venv/model-explorer/bin/python ${CMAKE_CURRENT_LIST_DIR}/model_explorer_test.py
  $<TARGET_FILE:delegate-check> ${digits})
set_tests_properties(abi.model_explorer PROPERTIES LABELS abi SKIP_RETURN_CODE 77 TIMEOUT 900)
add_test(NAME corpus.one_call COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_LIST_DIR}/corpus_call_test.py
  $<TARGET_FILE:delegate-check> ${CMAKE_SOURCE_DIR}/../shared)
set_tests_properties(corpus.one_call PROPERTIES LABELS corpus SKIP_RETURN_CODE 77 TIMEOUT 600 PROCESSORS 2)
add_executable(c_api_test ${CMAKE_SOURCE_DIR}/tests/abi/c_api_test.c)
target_link_libraries(c_api_test PRIVATE npu_delegate)
add_test(NAME abi.c_api COMMAND c_api_test ${digits}/digits_int8.tflite)
add_test(NAME abi.install COMMAND ${CMAKE_SOURCE_DIR}/tests/abi/install_test.sh ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR})
set_tests_properties(abi.c_api abi.install PROPERTIES LABELS abi TIMEOUT 300)

# The C++ app on LiteRT's compiled-model API, with the runtime of the pinned Python environment.
add_test(NAME host.inference_app COMMAND ${CMAKE_CURRENT_LIST_DIR}/inference_app_test.sh
  $<TARGET_FILE:inference_app> ${CMAKE_SOURCE_DIR}/build/venv/litert $<TARGET_FILE:npu_delegate> ${digits})
set_tests_properties(host.inference_app PROPERTIES LABELS host SKIP_RETURN_CODE 77 TIMEOUT 120)
add_test(NAME host.model_edit COMMAND ${CMAKE_SOURCE_DIR}/tests/support/run_python.sh
  ${CMAKE_SOURCE_DIR}/build/venv/litert/bin/python ${CMAKE_CURRENT_LIST_DIR}/model_edit_test.py
  $<TARGET_FILE:model-edit> $<TARGET_FILE:npu_delegate> ${digits} ${CMAKE_SOURCE_DIR}/../shared)
set_tests_properties(host.model_edit PROPERTIES LABELS host SKIP_RETURN_CODE 77 TIMEOUT 300)
