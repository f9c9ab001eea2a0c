// Several nodes on one PostgreSQL: what one node or a command has changed is in force on all of
// them within a second. Times are measured from the acknowledgement on, and printed.
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <random>
#include <thread>

#include "tests/support/test_cluster.h"

namespace grantd::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds within{1000};
constexpr milliseconds look_every{5};

/// Of several threads.
class Measured {
 public:
  void add(steady_clock::duration took) {
    const std::lock_guard lock(mutex_);
    took_.push_back(std::chrono::duration_cast<milliseconds>(took));
  }
  /// Prints median and worst; the worst.
  milliseconds report(const std::string& what) {
    const std::lock_guard lock(mutex_);
    if (took_.empty()) throw std::runtime_error("nothing was measured");
    std::ranges::sort(took_);
    std::cout << what << ": median " << took_[took_.size() / 2].count() << " ms, worst "
              << took_.back().count() << " ms of " << took_.size() << '\n';
    return took_.back();
  }

 private:
  std::mutex mutex_;
  std::vector<milliseconds> took_;
};

/// How long after `since` the condition holds; looks for three times as long as it may take.
steady_clock::duration until(const std::function<bool()>& condition,
                             steady_clock::time_point since) {
  while (!condition() && steady_clock::now() - since < 3 * within) {
    std::this_thread::sleep_for(look_every);
  }
  return steady_clock::now() - since;
}

class NodesNotice : public ::testing::Test {
 protected:
  NodesNotice() { cluster.node(0).add_client("c1"); }

  /// The longest that any node took.
  steady_clock::duration on_all_nodes(const std::function<bool(TestServer&)>& condition,
                                      steady_clock::time_point since) {
    steady_clock::duration longest{};
    for (std::size_t i = 0; i < cluster.size(); ++i) {
      longest = std::max(longest, until([&] { return condition(cluster.node(i)); }, since));
    }
    return longest;
  }

  /// So that each holds it in its cache.
  void meet_all_nodes(const std::string& client) {
    for (std::size_t i = 0; i < cluster.size(); ++i) {
      EXPECT_EQ(cluster.node(i).token(client).status, 200);
    }
  }

  // A test fails at authentication many times a second until a node has noticed.
  TestCluster cluster{{.config = {{"limits", {{"auth_failures", 10000}}}}}};
};

TEST_F(NodesNotice, ARevocationWithinASecond) {
  constexpr int revocations_each = 40;
  Measured measured;
  std::vector<std::jthread> threads;
  threads.reserve(cluster.size());
  for (std::size_t i = 0; i < cluster.size(); ++i) {
    threads.emplace_back([this, i, &measured] {
      std::mt19937 random(static_cast<std::uint32_t>(i));
      for (int round = 0; round < revocations_each; ++round) {
        // Else each would come just after the nodes have looked, as the one before was noticed
        // then.
        std::this_thread::sleep_for(milliseconds{random() % 250});
        const auto token = cluster.node(i).token_for("c1");
        const auto revoked = cluster.node((i + 1) % cluster.size()).revoke(token, "c1");
        const auto acknowledged = steady_clock::now();
        EXPECT_EQ(revoked.status, 200) << revoked.body;
        measured.add(on_all_nodes([&](TestServer& node) { return !node.is_active(token, "c1"); },
                                  acknowledged));
      }
    });
  }
  threads.clear();
  EXPECT_LE(measured.report("a revocation in force on all nodes"), within);
}

TEST_F(NodesNotice, ADisabledClientWithinASecond) {
  constexpr int clients = 8;
  Measured measured;
  for (int i = 0; i < clients; ++i) {
    const auto id = "disabled-" + std::to_string(i);
    cluster.node(0).add_client(id);
    meet_all_nodes(id);
    cluster.node(0).command_json({"client", "disable", id});
    measured.add(on_all_nodes([&](TestServer& node) { return node.token(id).status == 401; },
                              steady_clock::now()));
  }
  EXPECT_LE(measured.report("a client disabled on all nodes"), within);
}

TEST_F(NodesNotice, ANewSecretAndARemovedOneWithinASecond) {
  constexpr int secrets = 8;
  Measured added;
  Measured removed;
  meet_all_nodes("c1");
  for (int i = 0; i < secrets; ++i) {
    const auto made = cluster.node(0).command_json({"secret", "add", "c1"});
    const auto secret = made.at("client_secret").get<std::string>();
    cluster.node(0).is_secret(secret);
    const auto status = [&](TestServer& node) {
      return node.post("/token", client_credentials, {}, {{"Authorization", basic("c1", secret)}})
          .status;
    };
    added.add(
        on_all_nodes([&](TestServer& node) { return status(node) == 200; }, steady_clock::now()));
    cluster.node(0).command_json({"secret", "remove", "c1", made.at("secret_id")});
    removed.add(
        on_all_nodes([&](TestServer& node) { return status(node) == 401; }, steady_clock::now()));
  }
  EXPECT_LE(added.report("a new secret in force on all nodes"), within);
  EXPECT_LE(removed.report("a removed secret refused on all nodes"), within);
}

TEST_F(NodesNotice, ThatAllTokensOfAClientWereRevokedWithinASecond) {
  const auto token = cluster.node(1).token_for("c1");
  cluster.node(0).command_json({"token", "revoke", "--client", "c1"});
  const auto took = on_all_nodes([&](TestServer& node) { return !node.is_active(token, "c1"); },
                                 steady_clock::now());
  EXPECT_LE(took, within);
}

}  // namespace
}  // namespace grantd::testing
