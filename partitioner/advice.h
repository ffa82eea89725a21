// What can be done about what a plan says: an advice for every reason, every finding, and what the model as a whole
// shows. The advices are one table (advice.def); how to follow each is the section of its name in docs/advice.md.
// An advice is given only where something certain can be done; otherwise there is none. Pure and deterministic.
// Start at AdvisePlan; which advice a reason gets is advice_rules.cc, what the whole model shows model_advice.cc.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "partitioner/blockers.h"
#include "partitioner/diagnosis.h"
#include "partitioner/findings.h"
#include "partitioner/plan.h"

namespace npu {

enum class AdviceId : uint8_t {
#define NPU_ADVICE(enumerator, name, title, text) enumerator,
#include "partitioner/advice.def"
};

struct AdviceText {
  AdviceId id;
  std::string_view name;   // "dynamic-range": stable, and the section of docs/advice.md
  std::string_view title;  // one line
  std::string_view text;   // two to four sentences
};

std::span<const AdviceText> AllAdvice();  // in the order of advice.def
const AdviceText& GetAdvice(AdviceId id);
std::string AdviceUrl(AdviceId id);  // "docs/advice.md#dynamic-range"

using MaybeAdvice = std::optional<AdviceId>;

// One advice and what it is about.
struct Advice {
  AdviceId id;
  std::vector<int> ops;  // ascending; empty where it is about the model's border alone
  int64_t macs = 0;      // of those of ops that are not on the NPU
};

struct PlanAdvice {
  std::vector<std::vector<MaybeAdvice>> reasons;  // per op, per reason
  std::vector<MaybeAdvice> findings;              // per finding
  // Each id once: the MACs not on the NPU decide, then the operators not on the NPU, then the order of advice.def.
  std::vector<Advice> ranked;
};

// `findings` are FindProblems' of the plan's graph, `blockers` FindBlockers' of the plan. A victim's reasons (blockers.h)
// get the advice of the first blocker that it belongs to.
PlanAdvice AdvisePlan(const Plan& plan, const Diagnosis& diagnosis, std::span<const Finding> findings,
                      std::span<const Blocker> blockers);

}  // namespace npu
