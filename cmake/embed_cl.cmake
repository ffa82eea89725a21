include(${CMAKE_CURRENT_LIST_DIR}/embed_bytes.cmake)
# embed_cl(<target> <name> <file>...): compiles the text of OpenCL sources (.cl) and their shared headers (.h) into
# <target> as the array <name> of kernel_sources.h, rows of {file name, text}, in the order headers first, then kernels by name.
function(embed_cl target name)
  set(headers ${ARGN})
  list(FILTER headers INCLUDE REGEX "\\.h$")
  set(kernels ${ARGN})
  list(FILTER kernels INCLUDE REGEX "\\.cl$")
  list(SORT headers)
  list(SORT kernels)
  embed_bytes(arrays rows ${headers} ${kernels})
  set(out ${CMAKE_CURRENT_BINARY_DIR}/${name}.cc)
  file(CONFIGURE OUTPUT ${out} CONTENT [[
#include "backends/opencl/kernel_sources.h"
namespace npu {
@arrays@
const KernelSource @name@[] = {
@rows@};
}  // namespace npu
]] @ONLY)
  target_sources(${target} PRIVATE ${out})
endfunction()
