// Fuzzes model bytes -> ReadModel. A finding is a crash, a sanitizer report, an error without a text, or a
// model that breaks a promise of schema/graph.h.
// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <cstdlib>

#include "schema/reader.h"
#include "tests/support/model_promises.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto model = npu::ReadModel(std::as_bytes(std::span(data, size)), nullptr);
  const std::string broken = model                        ? npu::test::BrokenPromise(*model)
                             : model.error().text.empty() ? "an error has a text"
                                                          : "";
  if (!broken.empty()) {
    std::fprintf(stderr, "broken promise: %s\n", broken.c_str());
    std::abort();
  }
  return 0;
}
