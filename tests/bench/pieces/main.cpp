// What the pieces of a request cost. Options are Google Benchmark's, such as
// --benchmark_filter=form and --benchmark_out=FILE (JSON; the ratio is its counter
// `per_signature`). Asserts nothing.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <string>
#include <vector>

#include "tests/bench/pieces/pieces.h"
#include "tests/support/test_keys.h"

namespace grantd::pieces {
namespace {

constexpr auto counter_name = "per_signature";
constexpr auto all_threads_suffix = "/process_time";
// What a client_credentials token's header and claims come to.
constexpr std::size_t signed_octets = 450;

double process_cpu_seconds() {
  timespec cpu{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
  return static_cast<double>(cpu.tv_sec) + static_cast<double>(cpu.tv_nsec) / 1e9;
}

/// One RS256 signature: the median of batches, which what else the machine does moves less.
double measure_signature() {
  constexpr std::size_t batches = 21;
  constexpr int signatures_a_batch = 50;
  const std::string message(signed_octets, 'a');
  const auto& key = *testing::test_key(0);
  std::vector<double> seconds;
  while (seconds.size() < batches) {
    const auto before = process_cpu_seconds();
    for (int i = 0; i < signatures_a_batch; ++i) {
      require(!key.sign_rs256(message).empty(), "no signature");
    }
    seconds.push_back((process_cpu_seconds() - before) / signatures_a_batch);
  }
  std::ranges::sort(seconds);
  return seconds[batches / 2];
}

double signature_seconds() {
  static const double seconds = measure_signature();
  return seconds;
}

class Table final : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context& /*context*/) override {
    std::printf("%-62s %10s %13s\n", "CPU time of", "us", "per signature");
    std::printf("%-62s %10.3f %13.5f\n", "one bare RS256 signature (RSA-2048)",
                signature_seconds() * 1e6, 1.0);
    return true;
  }

  void ReportRuns(const std::vector<Run>& runs) override {
    for (const auto& run : runs) {
      auto name = run.benchmark_name();
      if (name.ends_with(all_threads_suffix)) {
        name.resize(name.size() - std::string(all_threads_suffix).size());
      }
      std::printf("%-62s %10.3f %13.5f\n", name.c_str(), run.GetAdjustedCPUTime(),
                  double{run.counters.at(counter_name)});
    }
    std::fflush(stdout);
  }
};

}  // namespace

void add(const std::string& name, Body body, Threads threads) {
  auto* row =
      benchmark::RegisterBenchmark(name.c_str(), [body = std::move(body)](benchmark::State& state) {
        body(state);
        // Iterations times the value, by CPU time, turned over: how many signatures one is worth.
        state.counters[counter_name] =
            benchmark::Counter(signature_seconds(), benchmark::Counter::kIsIterationInvariantRate |
                                                        benchmark::Counter::kInvert);
      });
  row->Unit(benchmark::kMicrosecond);
  if (threads == Threads::all) row->MeasureProcessCPUTime();
}

}  // namespace grantd::pieces

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  grantd::pieces::add_protocol();
  grantd::pieces::add_tokens();
  grantd::pieces::add_clients();
  grantd::pieces::add_log();
  grantd::pieces::Table table;
  benchmark::RunSpecifiedBenchmarks(&table);
  return 0;
}
