// A node that stands still for a while (a paused virtual machine, a swapped-out process) wakes with
// what it knew before. Neither what it signs then nor the JWKS that it tells may fail anybody.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <csignal>
#include <iostream>
#include <thread>

#include "tests/support/cluster_load.h"
#include "tests/support/test_cluster.h"

namespace grantd::testing {
namespace {

using std::chrono::milliseconds;

/// What each said of the keys, for a failure's reader.
void show_keys(const std::vector<TestServer*>& nodes) {
  for (auto* node : nodes) {
    std::cout << "node on port " << node->port() << ":\n";
    for (const auto& line : node->log_lines()) {
      if (line.at("event").get<std::string>().starts_with("key_")) std::cout << line << '\n';
    }
  }
}

TEST(FrozenNode, FailsNobodyWhenItWakesAfterKeysHaveRotated) {
  // Around offline_grace, jwks_max_age, a rotation, and several.
  constexpr std::array frozen{milliseconds{700},  milliseconds{1900}, milliseconds{2600},
                              milliseconds{3500}, milliseconds{5200}, milliseconds{2200}};
  constexpr milliseconds awake{1700};
  const TestDatabase database;
  TestCluster cluster(
      {.nodes = 2,
       .config = {{"keys",
                   {{"rotate_every", "3s"}, {"publish_before", "3s"}, {"jwks_max_age", "1s"}}},
                  {"storage", {{"offline_grace", "2s"}}},
                  {"tokens", {{"clock_skew", "1s"}, {"lifetime", "10s"}, {"max_lifetime", "10s"}}}},
       .postgres_url = database.url()});
  TestServer& steady = cluster.node(0);
  TestServer& sleepy = cluster.node(1);
  steady.add_client("c1");
  const auto at = [&](const TestServer& node) {
    return LoadTarget{node.port(), node.ca_file(), "c1", node.secret("c1")};
  };
  // Each one's tokens by the other one's keys.
  TokenLoad from_steady(at(steady), {.threads = 3, .jwks_port = sleepy.port()});
  TokenLoad from_sleepy(at(sleepy), {.threads = 3, .jwks_port = steady.port()});
  for (const auto& pause : frozen) {
    std::this_thread::sleep_for(awake);
    sleepy.signal(SIGSTOP);
    std::this_thread::sleep_for(pause);
    sleepy.signal(SIGCONT);
  }
  std::this_thread::sleep_for(awake);
  from_steady.stop();
  from_sleepy.stop();
  std::cout << from_steady.issued << " and " << from_sleepy.issued << " tokens by "
            << from_steady.kids().size() << " keys, " << from_sleepy.unavailable << " times 503\n";
  EXPECT_THAT(from_steady.faults(), ::testing::IsEmpty());
  EXPECT_THAT(from_sleepy.faults(), ::testing::IsEmpty());
  if (::testing::Test::HasFailure()) show_keys({&steady, &sleepy});
  EXPECT_GT(from_steady.kids().size(), 5U);
  EXPECT_GT(from_sleepy.issued, 200);
}

}  // namespace
}  // namespace grantd::testing
