// session_bench [--benchmark_...] MODEL.tflite ...: time of one invocation through the C API, on the OpenCL device (also
// with no graph folds) and on the CPU reference, and of making a plan and a session. Without a model: the bundled digits.
// SPDX-License-Identifier: Apache-2.0
#include <benchmark/benchmark.h>
#include <npu_delegate.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace {

void Check(npu_status status) {
  if (status == NPU_OK) return;
  std::fprintf(stderr, "session_bench: %s\n", npu_last_error());
  std::exit(1);
}

npu_model* Open(const std::string& path) {
  npu_model* model = nullptr;
  Check(npu_model_open_file(path.c_str(), &model));
  return model;
}

npu_plan* Plan(const npu_model* model, const char* device, const char* folds = "all") {
  const npu_option options[] = {{"device", device}, {"folds", folds}};
  npu_plan* plan = nullptr;
  Check(npu_plan_create(model, options, 2, &plan));
  return plan;
}

void Invoke(benchmark::State& state, const std::string& path, const char* device, const char* folds) {
  npu_model* model = Open(path);
  npu_plan* plan = Plan(model, device, folds);
  npu_session* session = nullptr;
  Check(npu_session_create(plan, &session));
  for (auto _ : state) Check(npu_session_invoke(session));
  int64_t macs = 0;
  for (size_t i = 0; i < npu_plan_op_count(plan); ++i) {
    npu_op_info info{};
    info.struct_size = sizeof(info);
    Check(npu_plan_op(plan, i, &info));
    macs += info.macs;
  }
  state.counters["MAC/s"] =
      benchmark::Counter(static_cast<double>(macs), benchmark::Counter::kIsIterationInvariantRate);
  npu_session_destroy(session);
  npu_plan_destroy(plan);
  npu_model_destroy(model);
}

void OpenAndPlan(benchmark::State& state, const std::string& path) {
  for (auto _ : state) {
    npu_model* model = Open(path);
    npu_plan* plan = Plan(model, "auto");
    benchmark::DoNotOptimize(npu_plan_json(plan));
    npu_plan_destroy(plan);
    npu_model_destroy(model);
  }
}

void CreateSession(benchmark::State& state, const std::string& path) {
  npu_model* model = Open(path);
  npu_plan* plan = Plan(model, "auto");
  for (auto _ : state) {
    npu_session* session = nullptr;
    Check(npu_session_create(plan, &session));
    npu_session_destroy(session);
  }
  npu_plan_destroy(plan);
  npu_model_destroy(model);
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  std::vector<std::string> models(argv + 1, argv + argc);
  if (models.empty()) models.push_back(NPU_SOURCE_DIR "/examples/digits/digits_int8.tflite");
  for (const std::string& path : models) {
    const std::string name = std::filesystem::path(path).stem().string();
    benchmark::RegisterBenchmark((name + "/open_and_plan").c_str(), OpenAndPlan, path)->Unit(benchmark::kMillisecond);
    benchmark::RegisterBenchmark((name + "/create_session").c_str(), CreateSession, path)->Unit(benchmark::kMillisecond);
    benchmark::RegisterBenchmark((name + "/invoke/opencl").c_str(), Invoke, path, "auto", "all")->Unit(benchmark::kMillisecond)->UseRealTime();
    benchmark::RegisterBenchmark((name + "/invoke/opencl_unfolded").c_str(), Invoke, path, "auto", "none")->Unit(benchmark::kMillisecond)->UseRealTime();
    benchmark::RegisterBenchmark((name + "/invoke/reference").c_str(), Invoke, path, "reference", "all")->Unit(benchmark::kMillisecond);
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
