// What models are fed with: .npy files of the command line, or random bytes.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <vector>

#include "tools/delegate-check/api.h"
#include "tools/delegate-check/options.h"

namespace delegate_check {

using Bytes = std::vector<std::byte>;

npu_tensor_info InputInfo(const npu_session* session, size_t i);

// Of --input, or random from --seed. Throws a Failure (usage) for files that do not fit.
std::vector<Bytes> MakeInputs(const npu_session* session, const Arguments& arguments);

// Of --input alone, for a plan without a session; empty where there is none. report: the plan's.
std::vector<Bytes> GivenInputs(const nlohmann::ordered_json& report, const Arguments& arguments);

}  // namespace delegate_check
