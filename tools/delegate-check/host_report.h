// --host-report: what the plug-in wrote inside a host (options report=PATH, profile=PATH), shown as any
// report. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tools/delegate-check/check_model.h"
#include "tools/delegate-check/options.h"

namespace delegate_check {

// Of one file, or of a report and the profile of the same graph, in any order; with the gates that
// `arguments` ask for. A profile alone has no plan: see IsProfileAlone. Throws a Failure (usage) for files
// that are neither or do not belong together.
CheckedModel HostReport(const Arguments& arguments);

// The report holds a profile and nothing else.
bool IsProfileAlone(const nlohmann::ordered_json& report);

}  // namespace delegate_check
