// Runs graphviz' dot: a child process without a shell, held to a time limit, never trusted to end by itself.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace delegate_check {

struct DotAnswer {
  std::string output;  // empty where dot did not answer
  std::string error;   // then why, as a part of a sentence: "dot is not installed (package graphviz)"
};

// `dot <format>` reading `text`; format is an option such as "-Tjson0". Killed after `seconds`.
DotAnswer RunDot(const std::string& text, const char* format, double seconds);

}  // namespace delegate_check
