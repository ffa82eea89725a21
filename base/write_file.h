// Reports as files: a reader sees the old file or the whole new one, whatever goes wrong in between.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace npu {

// Replaces `path` in one step (a new file beside it, then rename). kIo with the system's reason: no such directory,
// no permission, no space; then `path` is as it was and nothing is left beside it.
Status WriteFileAtomically(const std::string& path, std::string_view text);

// kIo with the system's reason if a file could not be written there now. Leaves no trace.
Status CheckWritable(const std::string& path);

}  // namespace npu
