// What a Model that the reader gave back must be, whatever the file was: used by the tests that feed it
// damaged files and by the fuzzer.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "schema/graph.h"

namespace npu::test {

// The first promise of schema/graph.h and reader.h that the model breaks ("" when it keeps them all).
// Touches every byte of every constant, so that a sanitizer sees views that reach outside the file.
std::string BrokenPromise(const Model& model);

}  // namespace npu::test
