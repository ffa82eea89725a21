# The plug-in in stock Python runtimes. Each test is reported as skipped (77) where its environment is missing.
set(NPU_LITERT_PYTHON ${CMAKE_SOURCE_DIR}/build/venv/litert/bin/python CACHE FILEPATH "Python with ai-edge-litert 2.3.0")
set(NPU_TFLITE_PYTHON ${CMAKE_SOURCE_DIR}/build/venv/tflite/bin/python CACHE FILEPATH "Python with tflite-runtime 2.14.0")

function(npu_add_host_test name python script second_argument)
  add_test(NAME host.${name}
    COMMAND ${CMAKE_SOURCE_DIR}/tests/support/run_python.sh ${python}
      ${CMAKE_SOURCE_DIR}/tests/host/${script} $<TARGET_FILE:npu_delegate> ${second_argument})
  set_tests_properties(host.${name} PROPERTIES LABELS host SKIP_RETURN_CODE 77 TIMEOUT 900)
endfunction()

foreach(runtime LITERT TFLITE)
  string(TOLOWER ${runtime} name)
  npu_add_host_test(behaviour_${name} ${NPU_${runtime}_PYTHON} behaviour_test.py ${CMAKE_SOURCE_DIR})
  npu_add_host_test(camera_input_${name} ${NPU_${runtime}_PYTHON} camera_input_test.py ${CMAKE_SOURCE_DIR})
  npu_add_host_test(corpus_${name} ${NPU_${runtime}_PYTHON} corpus_host_test.py ${CMAKE_SOURCE_DIR}/../shared)
  npu_add_host_test(detection_${name} ${NPU_${runtime}_PYTHON} detection_test.py ${CMAKE_SOURCE_DIR}/../shared)
  npu_add_host_test(larq_${name} ${NPU_${runtime}_PYTHON} larq_test.py ${CMAKE_SOURCE_DIR}/../shared)
  npu_add_host_test(state_${name} ${NPU_${runtime}_PYTHON} state_test.py ${CMAKE_SOURCE_DIR}/../shared)
  npu_add_host_test(report_files_${name} ${NPU_${runtime}_PYTHON} report_files_test.py $<TARGET_FILE:delegate-check>)
  set_tests_properties(host.corpus_${name} host.state_${name} PROPERTIES PROCESSORS 2)
endforeach()
npu_add_host_test(operators_sweep_litert ${NPU_LITERT_PYTHON} operators_sweep_test.py ${CMAKE_SOURCE_DIR})
npu_add_host_test(float_sandwich_litert ${NPU_LITERT_PYTHON} float_sandwich_test.py ${CMAKE_SOURCE_DIR})
npu_add_host_test(larq_floats_litert ${NPU_LITERT_PYTHON} larq_floats_test.py ${CMAKE_SOURCE_DIR})
