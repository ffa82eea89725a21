// The one place where OpenCL's headers come in, and how their errors become ours.
// The C++ bindings are used for ownership only: without exceptions, every status is checked, and every
// Error names the call, the code's symbol and number, and the device.
// SPDX-License-Identifier: Apache-2.0
#pragma once

// Entry points up to 3.0 are declared, since shared memory (SVM) is used where a device offers it. The
// bindings stay at 1.2: that is what every device has, and with a wider range the 2023 header does not
// compile.
#define CL_TARGET_OPENCL_VERSION 300
#define CL_HPP_TARGET_OPENCL_VERSION 120
#define CL_HPP_MINIMUM_OPENCL_VERSION 120
#include <CL/opencl.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace npu {

// "CL_OUT_OF_RESOURCES"; "unknown code" for codes that no header names.
std::string_view ClCodeName(cl_int code);

// kDevice: "clEnqueueNDRangeKernel(conv2d): CL_OUT_OF_RESOURCES (-5) on pthread-haswell".
tl::unexpected<Error> ClFail(std::string_view call, cl_int code, std::string_view device);

// Until the event's command has ended; its status. PoCL's basic device may return from clWaitForEvents while another
// thread of the process still runs the command for this one.
cl_int WaitForEvent(cl_event event);

}  // namespace npu

// Returns ClFail from the enclosing function unless `expr` is CL_SUCCESS. `call` and `device` are only
// evaluated then.
#define NPU_RETURN_IF_CL_ERROR(expr, call, device)                    \
  do {                                                                \
    if (const cl_int npu_cl_code = (expr); npu_cl_code != CL_SUCCESS) \
      return ::npu::ClFail((call), npu_cl_code, (device));            \
  } while (false)
