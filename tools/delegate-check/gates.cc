// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/gates.h"

#include <fmt/format.h>

namespace delegate_check {

using Json = nlohmann::ordered_json;

bool CheckGates(const Arguments& arguments, Json& report) {
  const Json& summary = report["summary"];
  Json gates = Json::array();
  bool all = true;
  const auto gate = [&](const char* name, bool passed, std::string actual, std::string allowed) {
    all = all && passed;
    gates.push_back({{"gate", name}, {"passed", passed}, {"actual", std::move(actual)}, {"allowed", std::move(allowed)}});
  };
  const int64_t host = summary["host"];
  const double share = 100.0 * summary["npu_mac_share"].get<double>();
  if (arguments.require_full_npu) {
    gate("--require-full-npu", host == 0, fmt::format("{} operators on the host", host), "0");
  }
  if (arguments.max_host_ops) {
    gate("--max-host-ops", host <= *arguments.max_host_ops, fmt::format("{} operators on the host", host),
         fmt::format("at most {}", *arguments.max_host_ops));
  }
  if (arguments.min_npu_macs) {
    gate("--min-npu-macs", share >= *arguments.min_npu_macs, fmt::format("{:.2f} % of MACs", share),
         fmt::format("at least {:g} %", *arguments.min_npu_macs));
  }
  if (!gates.empty()) report["gates"] = std::move(gates);
  return all;
}

}  // namespace delegate_check
