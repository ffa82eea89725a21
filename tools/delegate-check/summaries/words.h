// What the short forms of a report (Markdown, JUnit, annotations) and the page say alike.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace delegate_check {

// "4 of 8 operators stay with the host; the others are 1 partition".
std::string VerdictSentence(const nlohmann::ordered_json& summary);

// "UNSUPPORTED_INPUT_TYPE: input 0 element type is FLOAT32; allowed: INT8".
std::string ReasonSentence(const nlohmann::ordered_json& reason);

// "1.56 M MACs, 3 more operators, 25.6 kB per invocation": what a blocker costs.
std::string BlockerCost(const nlohmann::ordered_json& blocker);

// Of report.advice; null where it has none of that id.
const nlohmann::ordered_json* FindAdvice(const nlohmann::ordered_json& report,
                                         const nlohmann::ordered_json& id);

// Why --verify, or --verify-layers, failed, or empty.
std::string VerifyFailure(const nlohmann::ordered_json& report);
std::string LayersFailure(const nlohmann::ordered_json& report);

}  // namespace delegate_check
