// Binary convolutions beside what the core could do at most: XOR and popcount alone, on registers.
//   binary_peak [--benchmark_filter=...]
// The figures are bits XORed and counted per second (a binary multiply-accumulate is one bit); `peak` is a loop of the
// same instructions without loads, stores or anything around them, so that a convolution's share of it is what its
// own loops, windows and output transform leave.
// SPDX-License-Identifier: Apache-2.0
#include <benchmark/benchmark.h>

#include <random>

#include "backends/cpu/bconv2d_kernel.h"
#include "backends/cpu/cpu_backend.h"
#include "tests/support/graph_builder.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace {

using namespace npu;
using namespace npu::test;

#if defined(__x86_64__)

// Sixteen independent chains of XOR, popcount and add: as many as the convolution has accumulators.
__attribute__((target("avx512f,avx512vpopcntdq"))) int64_t PeakAvx512(int64_t rounds) {
  __m512i sums[16];
  for (int i = 0; i < 16; ++i) sums[i] = _mm512_set1_epi32(i);
  __m512i x = _mm512_set1_epi32(0x12345678);
  for (int64_t r = 0; r < rounds; ++r) {
    for (__m512i& sum : sums) sum = _mm512_add_epi32(sum, _mm512_popcnt_epi32(_mm512_xor_si512(x, sum)));
    asm volatile("" : "+v"(x));
  }
  __m512i all = sums[0];
  for (int i = 1; i < 16; ++i) all = _mm512_xor_si512(all, sums[i]);
  int64_t words[8];
  _mm512_storeu_si512(words, all);
  return words[0];
}

// The same with AVX2's table of four bits.
__attribute__((target("avx2"))) int64_t PeakAvx2(int64_t rounds) {
  const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,  //
                                         0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
  const __m256i low = _mm256_set1_epi8(0x0f);
  __m256i sums[8];
  for (int i = 0; i < 8; ++i) sums[i] = _mm256_set1_epi32(i);
  __m256i x = _mm256_set1_epi32(0x12345678);
  for (int64_t r = 0; r < rounds; ++r) {
    for (__m256i& sum : sums) {
      const __m256i bits = _mm256_xor_si256(x, sum);
      const __m256i a = _mm256_shuffle_epi8(table, _mm256_and_si256(bits, low));
      const __m256i b = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(bits, 4), low));
      sum = _mm256_add_epi8(sum, _mm256_add_epi8(a, b));
    }
    asm volatile("" : "+x"(x));
  }
  __m256i all = sums[0];
  for (int i = 1; i < 8; ++i) all = _mm256_xor_si256(all, sums[i]);
  return _mm256_extract_epi64(all, 0);
}

void Peak(benchmark::State& state, const std::string& form) {
  constexpr int64_t kRounds = 20000;
  const bool wide = form.starts_with("avx512");
  for (auto _ : state) benchmark::DoNotOptimize(wide ? PeakAvx512(kRounds) : PeakAvx2(kRounds));
  state.counters["bits"] = benchmark::Counter(static_cast<double>(kRounds) * (wide ? 16 * 512 : 8 * 256),
                                              benchmark::Counter::kIsIterationInvariantRate);
}

#endif

struct Layer {
  int32_t size, channels, outputs, filter;
  DataType output;
};

std::shared_ptr<Graph> BuildLayer(const Layer& layer) {
  std::mt19937 engine(1);
  GraphBuilder b;
  const int32_t words = layer.channels / 32;
  std::vector<uint32_t> filter(static_cast<size_t>(layer.outputs) * layer.filter * layer.filter * words);
  for (uint32_t& word : filter) word = static_cast<uint32_t>(engine());
  const int x = b.Input(DataType::kInt32, {1, layer.size, layer.size, words});
  const int f = b.Constant(DataType::kInt32, {layer.outputs, layer.filter, layer.filter, words}, filter);
  const int y = b.Tensor(layer.output, {1, layer.size, layer.size, layer.output == DataType::kInt32 ? layer.outputs / 32 : layer.outputs});
  std::vector<int> operands = {x, f, kNoTensor, kNoTensor, kNoTensor};
  if (layer.output == DataType::kInt32) {
    operands[4] = b.Constant(DataType::kInt32, {layer.outputs}, std::vector<int32_t>(layer.outputs, layer.channels * 4));
  } else {
    operands[2] = b.Constant(DataType::kFloat32, {layer.outputs}, std::vector<float>(layer.outputs, 0.01f));
    operands[3] = b.Constant(DataType::kFloat32, {layer.outputs}, std::vector<float>(layer.outputs, 0.5f));
  }
  b.Op(OpKind::kLceBconv2d, operands, {y}, LceBconv2dParams{.channels_in = layer.channels, .pad_values = 1});
  return b.Build({y});
}

void Convolution(benchmark::State& state, const Layer& layer, const XorPopcount& form) {
  const auto graph = BuildLayer(layer);
  const OpView op{*graph, graph->ops[0]};
  const auto kernel = MakeBconv2dKernel(op, 1, form);
  const Bytes input = RandomBytes(graph->tensors[0], 1);
  Bytes output(static_cast<size_t>(*op.output(0)->byte_size()));
  const std::byte* const inputs[] = {input.data()};
  std::byte* const outputs[] = {output.data()};
  const ComputeOptions options;
  for (auto _ : state) {
    kernel->Run({op, inputs, outputs, options});
    benchmark::ClobberMemory();
  }
  const double bits = double{1} * layer.size * layer.size * layer.outputs * layer.channels * layer.filter * layer.filter;
  state.counters["bits"] = benchmark::Counter(bits, benchmark::Counter::kIsIterationInvariantRate);
}

}  // namespace

int main(int argc, char** argv) {
  // QuickNet's layers, and larger ones of other networks.
  constexpr Layer kLayers[] = {{56, 64, 64, 3, DataType::kFloat32},   {28, 128, 128, 3, DataType::kFloat32},
                               {14, 256, 256, 3, DataType::kFloat32}, {7, 512, 512, 3, DataType::kFloat32},
                               {28, 128, 128, 3, DataType::kInt32},   {28, 128, 128, 1, DataType::kFloat32}};
  for (const XorPopcount& form : XorPopcountForms()) {
    const std::string name(form.name);
#if defined(__x86_64__)
    if (name != "plain") benchmark::RegisterBenchmark((name + "/peak").c_str(), Peak, name);
#endif
    for (const Layer& layer : kLayers) {
      const std::string title = name + "/" + std::to_string(layer.filter) + "x" + std::to_string(layer.filter) + "_" +
                                std::to_string(layer.size) + "px_" + std::to_string(layer.channels) + "to" +
                                std::to_string(layer.outputs) + (layer.output == DataType::kInt32 ? "_packed" : "_float");
      benchmark::RegisterBenchmark(title.c_str(), Convolution, layer, form);
    }
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
