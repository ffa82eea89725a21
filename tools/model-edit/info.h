// What a .tflite file holds, for people: subgraphs, operators, borders, signatures, metadata, constants.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "tools/model-edit/model_file.h"

namespace model_edit {

std::vector<std::string> Info(const ModelFile& file);

}  // namespace model_edit
