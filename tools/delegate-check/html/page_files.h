// The parts of the page, plain files of this folder compiled in by CMake.
// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace delegate_check {

struct PageFile {
  const char* name;  // "graph.js"
  const char* text;
};

// In the order of tools/CMakeLists.txt; the last row's name is null.
extern const PageFile kPageFiles[];

}  // namespace delegate_check
