// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/summaries/words.h"

#include <fmt/format.h>

#include <limits>

#include "tools/delegate-check/layout.h"
#include "tools/delegate-check/run.h"

namespace delegate_check {

using Json = nlohmann::ordered_json;

std::string VerdictSentence(const Json& summary) {
  const int64_t ops = summary["ops"], host = summary["host"], cpu = summary["delegate_cpu"],
                partitions = summary["partitions"];
  if (ops == 0) return "the model has no operators";
  if (summary["npu"].get<int64_t>() + cpu == 0) return "nothing runs on the NPU";
  if (host > 0) {
    return fmt::format("{} of {} operators stay{} with the host; the others are {}", host, ops, host == 1 ? "s" : "",
                       Count(partitions, "partition"));
  }
  if (cpu > 0)
    return fmt::format("everything runs in the delegate, {} on its CPU backend", Count(cpu, "operator"));
  return "everything runs on the NPU";
}

std::string ReasonSentence(const Json& reason) {
  return fmt::format("{}: {} is {}; allowed: {}", reason["code"].get<std::string>(),
                     reason["text"].get<std::string>(), reason["actual"].get<std::string>(),
                     reason["allowed"].get<std::string>());
}

std::string BlockerCost(const Json& blocker) {
  const int64_t macs = blocker["macs"].get<int64_t>() + blocker["victim_macs"].get<int64_t>();
  std::string cost = Human(macs) + " MACs";
  if (!blocker["victims"].empty()) {
    cost += fmt::format(", {} more off the NPU",
                        Count(static_cast<int64_t>(blocker["victims"].size()), "operator"));
  }
  if (blocker["bytes"] > 0) cost += fmt::format(", {} per invocation", HumanBytes(blocker["bytes"]));
  if (!blocker["extra_partitions"].is_null() && blocker["extra_partitions"] > 0) {
    cost += fmt::format(", {}", Count(blocker["extra_partitions"], "extra partition"));
  }
  return cost;
}

const Json* FindAdvice(const Json& report, const Json& id) {
  for (const Json& advice : report["advice"]) {
    if (advice["id"] == id) return &advice;
  }
  return nullptr;
}

std::string VerifyFailure(const Json& report) {
  if (!report.contains("verify")) return {};
  const Json& verify = report["verify"];
  if (Agrees(verify)) return {};
  const bool by_operators = verify.contains("operators");
  const Json& difference = (by_operators ? verify["operators"] : verify)["max_difference"];
  return fmt::format(
      "{} does not give the CPU reference's bytes{}: largest difference {:g}",
      verify["device"].get<std::string>(), by_operators ? ", to within 1 per operator" : "",
      difference.is_null() ? std::numeric_limits<double>::infinity() : difference.get<double>());
}

std::string LayersFailure(const Json& report) {
  if (!report.contains("verify_layers") || report["verify_layers"]["first_diverging"].is_null()) return {};
  const Json& first = report["verify_layers"]["first_diverging"];
  return fmt::format("the first tensor that differs from the CPU reference's is T#{} of Op#{} ({})",
                     first["tensor"].get<int>(), first["op"].get<int>(), first["in"].get<std::string>());
}

}  // namespace delegate_check
