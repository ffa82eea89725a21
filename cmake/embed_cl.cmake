# embed_cl(<target> <name> <file>...): compiles the text of OpenCL sources (.cl) and their shared headers (.h) into
# <target> as the array <name> of kernel_sources.h, rows of {file name, text}, in the order headers first, then kernels by name.
# CMake alone does it: no script language is needed to build.
function(embed_cl target name)
  set(headers ${ARGN})
  list(FILTER headers INCLUDE REGEX "\\.h$")
  set(kernels ${ARGN})
  list(FILTER kernels INCLUDE REGEX "\\.cl$")
  list(SORT headers)
  list(SORT kernels)
  set(arrays "")
  set(rows "")
  set(index 0)
  foreach(path IN LISTS headers kernels)
    get_filename_component(file ${path} NAME)
    file(READ ${path} hex HEX)
    string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
    string(APPEND arrays "static const unsigned char kSource${index}[] = {${bytes}0};\n")
    string(APPEND rows "    {\"${file}\", reinterpret_cast<const char*>(kSource${index})},\n")
    math(EXPR index "${index} + 1")
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${path})
  endforeach()
  set(out ${CMAKE_CURRENT_BINARY_DIR}/${name}.cc)
  file(CONFIGURE OUTPUT ${out} CONTENT [[
#include "backends/opencl/kernel_sources.h"
namespace npu {
@arrays@
const KernelSource @name@[] = {
@rows@    {nullptr, nullptr},
};
}  // namespace npu
]] @ONLY)
  target_sources(${target} PRIVATE ${out})
endfunction()
