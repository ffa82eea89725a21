# libFuzzer targets, one .cc each: tests/fuzz/<name>_fuzz.cc becomes bin/<name>_fuzz. Build with the preset
# `fuzz` (clang); run with a folder of seeds, e.g. bin/model_fuzz -max_total_time=60 corpus/ models/.
if(NPU_FUZZ)
  file(GLOB fuzzers CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*_fuzz.cc)
  foreach(path IN LISTS fuzzers)
    get_filename_component(name ${path} NAME_WE)
    add_executable(${name} ${path} ${CMAKE_CURRENT_LIST_DIR}/../support/model_promises.cc)
    target_link_libraries(${name} PRIVATE npu_backends)
    target_compile_options(${name} PRIVATE -fsanitize=fuzzer)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  endforeach()
  # Without this the fuzzer would be blind in the code that it looks for bugs in.
  target_compile_options(npu_schema PRIVATE -fsanitize=fuzzer-no-link)
  target_link_options(npu_schema INTERFACE -fsanitize=fuzzer-no-link)
endif()
