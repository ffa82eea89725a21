// Log lines to stderr, one per event, prefixed with "npu_delegate". Default level: warning.
// spdlog lives in log.cc alone: its logger is private to this library, never in spdlog's registry.
// Callers format with fmt; nothing above trace is logged inside Invoke.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <string_view>

namespace npu {

enum class LogLevel { kTrace, kDebug, kInfo, kWarning, kError, kOff };

void SetLogLevel(LogLevel level);
bool LogEnabled(LogLevel level);
void LogLine(LogLevel level, std::string_view text);

template <typename... Args>
void Log(LogLevel level, fmt::format_string<Args...> format, Args&&... args) {
  if (LogEnabled(level)) LogLine(level, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace npu
