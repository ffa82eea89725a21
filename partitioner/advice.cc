// SPDX-License-Identifier: Apache-2.0
#include "partitioner/advice.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "partitioner/advice_rules.h"
#include "partitioner/saturating.h"

namespace npu {
namespace {

constexpr AdviceText kAdvice[] = {
#define NPU_ADVICE(enumerator, name, title, text) {AdviceId::enumerator, name, title, text},
#include "partitioner/advice.def"
};

// Reasons that lie in what is around the operator; their advice is the cause's.
bool IsNeighbours(ReasonCode code) {
  return code == ReasonCode::kResultNeededByHost || code == ReasonCode::kNotBesideNpu;
}

AdviceId WithoutACause(OpKind kind) {
  const bool conversion = kind == OpKind::kQuantize || kind == OpKind::kDequantize;
  return conversion ? AdviceId::kConversionOnly : AdviceId::kShapeOutput;
}

}  // namespace

std::span<const AdviceText> AllAdvice() { return kAdvice; }
const AdviceText& GetAdvice(AdviceId id) { return kAdvice[static_cast<size_t>(id)]; }
std::string AdviceUrl(AdviceId id) { return "docs/advice.md#" + std::string(GetAdvice(id).name); }

PlanAdvice AdvisePlan(const Plan& plan, const Diagnosis& diagnosis, std::span<const Finding> findings,
                      std::span<const Blocker> blockers) {
  AdviceContext context(plan, diagnosis, findings);
  PlanAdvice result;
  result.reasons.resize(plan.ops.size());
  for (size_t i = 0; i < plan.ops.size(); ++i) {
    for (const Reason& reason : plan.ops[i].reasons) {
      result.reasons[i].push_back(IsNeighbours(reason.code) ? std::nullopt
                                                            : context.ForReason(static_cast<int>(i), reason));
    }
  }
  // Blockers are ranked: the first that advises a victim decides.
  std::vector<MaybeAdvice> of_victim(plan.ops.size());
  for (const Blocker& blocker : blockers) {
    const std::vector<MaybeAdvice>& advised = result.reasons[blocker.ops.front()];
    const auto first = std::find_if(advised.begin(), advised.end(), [](const MaybeAdvice& a) { return a.has_value(); });
    if (first == advised.end()) continue;
    for (int victim : blocker.victims) {
      if (!of_victim[victim]) of_victim[victim] = *first;
    }
  }
  for (size_t i = 0; i < plan.ops.size(); ++i) {
    const std::vector<Reason>& reasons = plan.ops[i].reasons;
    for (size_t r = 0; r < reasons.size(); ++r) {
      if (!IsNeighbours(reasons[r].code)) continue;
      const MaybeAdvice own = result.reasons[i][0];
      result.reasons[i][r] = of_victim[i] ? of_victim[i] : own ? own : WithoutACause(plan.graph->ops[i].kind);
    }
  }

  std::map<AdviceId, std::set<int>> about;
  for (size_t i = 0; i < plan.ops.size(); ++i) {
    for (const MaybeAdvice& advice : result.reasons[i]) {
      if (advice) about[*advice].insert(static_cast<int>(i));
    }
  }
  for (const Finding& finding : findings) {
    result.findings.push_back(context.ForFinding(finding));
    if (result.findings.back()) about[*result.findings.back()].insert(finding.op);
  }
  for (const ModelAdvice& model : AdviseModel(plan)) about[model.id].insert(model.ops.begin(), model.ops.end());

  std::vector<std::tuple<int64_t, int64_t, AdviceId>> rank;
  std::map<AdviceId, Advice> advices;
  for (const auto& [id, ops] : about) {
    Advice& advice = advices[id];
    advice = {id, {ops.begin(), ops.end()}, 0};
    int64_t off = 0;
    for (int op : ops) {
      if (plan.ops[op].placement == Placement::kNpu) continue;
      advice.macs = SaturatingAdd(advice.macs, plan.ops[op].macs);
      ++off;
    }
    rank.emplace_back(-advice.macs, -off, id);
  }
  std::sort(rank.begin(), rank.end());
  for (const auto& entry : rank) result.ranked.push_back(std::move(advices[std::get<2>(entry)]));
  return result;
}

}  // namespace npu
