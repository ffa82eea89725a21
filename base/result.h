// Errors as values: every function that can fail returns Result<T> (or Status when there is no value).
// Nothing in this project throws across a function it does not own, and nothing asserts on what a
// model, a host, a device or an option controls.
// An Error carries a code (what kind of failure, so that a caller can choose) and a text (which thing,
// found value, expected value, and what to do), ready to be shown to a user.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace npu {

// Which code to choose when. Values are stable: the C API exposes them unchanged (npu_status).
enum class ErrorCode {
  kInvalidArgument = 1,   // the caller passed something wrong (index, size, null)
  kInvalidModel = 2,      // the model's bytes break a rule of the format
  kInvalidOption = 3,     // an option key or value that does not exist
  kUnsupported = 4,       // well-formed, but not something that runs here
  kDevice = 5,            // the OpenCL platform, device, compiler or queue failed
  kIo = 6,                // a file could not be read or written
  kResourceExhausted = 7, // a size is over a limit of ours or the system's
  kInternal = 8,          // a bug of ours
};

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string text;

  // The same error with "context: " put before its text.
  Error WithContext(const std::string& context) const { return {code, context + ": " + text}; }
};

template <typename T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

inline tl::unexpected<Error> Fail(ErrorCode code, std::string text) {
  return tl::unexpected<Error>(Error{code, std::move(text)});
}

}  // namespace npu

#define NPU_CONCAT_INNER(a, b) a##b
#define NPU_CONCAT(a, b) NPU_CONCAT_INNER(a, b)

// Returns the error of `expr` (a Status or Result) from the enclosing function, if it has one.
#define NPU_RETURN_IF_ERROR(expr)                                       \
  do {                                                                  \
    if (auto npu_status = (expr); !npu_status)                          \
      return tl::unexpected<::npu::Error>(std::move(npu_status.error())); \
  } while (false)

// NPU_ASSIGN_OR_RETURN(auto x, F()): declares x from F()'s value, or returns F()'s error.
#define NPU_ASSIGN_OR_RETURN(lhs, expr) \
  NPU_ASSIGN_OR_RETURN_INNER(NPU_CONCAT(npu_result_, __LINE__), lhs, expr)
#define NPU_ASSIGN_OR_RETURN_INNER(result, lhs, expr)                       \
  auto result = (expr);                                                     \
  if (!result) return tl::unexpected<::npu::Error>(std::move(result.error())); \
  lhs = std::move(*result)
