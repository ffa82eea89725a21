// What is worth knowing of operators that run on the NPU and is no failure: what folds and lowering made of them, and
// what makes them cost more than they look. Sentences for people, per operator. Pure, and cheap: no weights are read.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "partitioner/plan.h"

namespace npu {

std::vector<std::vector<std::string>> OpNotes(const Plan& plan);

}  // namespace npu
