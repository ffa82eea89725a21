# Corpus tests in Python: numpy comes with the pinned LiteRT environment; without it, or without the shared models,
# they are reported as skipped.
set(NPU_LITERT_PYTHON ${CMAKE_SOURCE_DIR}/build/venv/litert/bin/python CACHE FILEPATH "Python with ai-edge-litert 2.3.0")
foreach(name exactness goldens pictures pictures_host conformance)
  add_test(NAME corpus.${name}
    COMMAND ${CMAKE_SOURCE_DIR}/tests/support/run_python.sh ${NPU_LITERT_PYTHON}
      ${CMAKE_CURRENT_LIST_DIR}/${name}_test.py $<TARGET_FILE:npu_delegate> ${CMAKE_SOURCE_DIR}/../shared)
  set_tests_properties(corpus.${name} PROPERTIES LABELS corpus SKIP_RETURN_CODE 77 TIMEOUT 1200)
endforeach()
# The run that makes docs/corpus.md: nothing may crash, hang or differ.
add_test(NAME corpus.table
  COMMAND ${CMAKE_SOURCE_DIR}/tests/support/run_python.sh ${NPU_LITERT_PYTHON}
    ${CMAKE_CURRENT_LIST_DIR}/corpus_table.py $<TARGET_FILE:npu_delegate> ${CMAKE_SOURCE_DIR}/../shared)
set_tests_properties(corpus.table PROPERTIES LABELS corpus SKIP_RETURN_CODE 77 TIMEOUT 1200)
foreach(name exactness pictures_host conformance table)
  set_tests_properties(corpus.${name} PROPERTIES PROCESSORS 2)
endforeach()
