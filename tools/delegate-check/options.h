// What the command line asks for. Parsed by main.cc (CLI11), read by everything else.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace delegate_check {

// The contract with scripts; docs/delegate-check.md and --help list them. Of several models the largest counts.
enum ExitCode { kOk = 0, kGateFailed = 1, kModelError = 2, kUsageError = 3, kDeviceError = 4 };

struct Arguments {
  std::vector<std::string> models;  // files, directories, -: standard input
  std::string format = "text";
  std::string output = "-";
  bool verbose = false;         // text: every operator, every list whole
  std::string explain;          // text: this operator or tensor alone
  std::string extract;          // "3-7": write a model of these operators to output
  std::string color = "auto";  // or always, never
  std::string device = "auto";
  std::string deny, allow;
  std::string input_uint8;
  std::string fc_rounding = "single";
  std::string requantize = "exact";
  std::string folds = "all";
  std::string placement = "all";
  int64_t min_segment_macs = 0;
  int64_t min_segment_ops = 2;
  bool run = false;
  bool verify = false;
  bool verify_layers = false;
  std::string dump;  // .npz for the tensors of --verify-layers; empty: none
  std::string accuracy;  // folder or .npz of samples; empty: none
  bool profile = false;
  int64_t profile_runs = 20;
  std::string trace;        // file for the timeline of --profile; empty: none
  int64_t threads = 0;
  std::vector<std::string> inputs;  // .npy files, one per graph input
  uint64_t seed = 1;
  std::string cache_dir;
  bool require_full_npu = false;
  std::optional<int64_t> max_host_ops;
  std::optional<double> min_npu_macs;  // percent
  std::optional<int64_t> max_partitions;
  std::string baseline;           // report of an earlier run; empty: none
  std::vector<std::string> host_report;  // what the plug-in wrote: a report, a profile or both; empty: none
  std::vector<std::string> diff;  // two models or reports; empty: none
  double layout_seconds = 10;  // for graphviz; 0: it is not asked
  bool list_devices = false;
  bool supported_ops = false;
  bool device_info = false;
};

}  // namespace delegate_check
