// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/gates.h"

#include <fmt/format.h>

namespace delegate_check {

using Json = nlohmann::ordered_json;

std::vector<std::string> CheckGates(const Arguments& arguments, Json& report) {
  const Json& summary = report["summary"];
  Json gates = Json::array();
  std::vector<std::string> failed;
  const auto gate = [&](const char* name, bool passed, std::string actual, std::string allowed) {
    if (!passed) failed.push_back(fmt::format("gate {} is not met: {}; allowed: {}", name, actual, allowed));
    gates.push_back({{"gate", name}, {"passed", passed}, {"actual", std::move(actual)}, {"allowed", std::move(allowed)}});
  };
  const int64_t host = summary["host"];
  const std::string on_host = fmt::format("{} operator{} on the host", host, host == 1 ? "" : "s");
  const double share = 100.0 * summary["npu_mac_share"].get<double>();
  if (arguments.require_full_npu) {
    gate("--require-full-npu", host == 0, on_host, "0");
  }
  if (arguments.max_host_ops) {
    gate("--max-host-ops", host <= *arguments.max_host_ops, on_host,
         fmt::format("at most {}", *arguments.max_host_ops));
  }
  if (arguments.min_npu_macs) {
    gate("--min-npu-macs", share >= *arguments.min_npu_macs, fmt::format("{:.2f} % of MACs", share),
         fmt::format("at least {:g} %", *arguments.min_npu_macs));
  }
  if (arguments.max_partitions) {
    const int64_t partitions = summary["partitions"];
    gate("--max-partitions", partitions <= *arguments.max_partitions,
         fmt::format("{} partition{}", partitions, partitions == 1 ? "" : "s"),
         fmt::format("at most {}", *arguments.max_partitions));
  }
  if (!gates.empty()) report["gates"] = std::move(gates);
  return failed;
}

}  // namespace delegate_check
