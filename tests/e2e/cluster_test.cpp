// Three nodes on PostgreSQL behind HAProxy, under load, while nodes are killed and added, keys
// rotate and the primary fails over to its synchronous replica.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>
#include <thread>

#include "tests/support/cluster_load.h"
#include "tests/support/test_cluster.h"

namespace grantd::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t rotations = 20;
/// Revoked tokens are looked at while they have not expired: else they would be inactive anyway.
constexpr std::chrono::seconds token_lifetime{30};

json rotating() {
  return {{"keys", {{"rotate_every", "3s"}, {"publish_before", "3s"}, {"jwks_max_age", "1s"}}},
          {"storage",
           {{"offline_grace", "2s"}, {"connect_timeout", "500ms"}, {"statement_timeout", "1s"}}},
          {"tokens",
           {{"clock_skew", "1s"},
            {"lifetime", std::to_string(token_lifetime.count()) + "s"},
            {"max_lifetime", std::to_string(token_lifetime.count()) + "s"}}}};
}

/// A primary with a synchronous replica, and one database there.
class Replicated {
 public:
  Replicated() {
    url = PostgresServer::url_of({&primary, &standby},
                                 TestPostgres::database_of(primary.create_database()));
    primary.set("synchronous_standby_names", "standby");
    EXPECT_TRUE(TestServer::eventually([&] {
      return query(primary.admin_url(), "SELECT sync_state FROM pg_stat_replication") == "sync";
    }));
  }
  void fail_over() {
    primary.stop(PostgresServer::Stop::immediate);
    standby.promote();
  }

  PostgresServer primary{{.durable = true}};
  PostgresServer standby = primary.replica("standby");
  std::string url;
};

class ClusterUnderLoad : public ::testing::Test {
 protected:
  ClusterUnderLoad() {
    cluster.node(0).add_client("c1");
    cluster.node(0).add_client("revoker");
    cluster.node(0).add_client("reader");
  }
  LoadTarget as(const std::string& client) {
    return {cluster.haproxy().port(), cluster.node(0).ca_file(), client,
            cluster.node(0).secret(client)};
  }

  /// Of tokens that are yet to expire: those whose revocation was acknowledged are inactive on
  /// every node, the others are not.
  std::size_t expect_all_in_force(const std::vector<RevocationLoad::Seen>& seen) {
    constexpr std::chrono::seconds margin{5};
    const auto still_live = steady_clock::now() - token_lifetime + margin;
    std::size_t looked_at = 0;
    for (const auto& one : seen) {
      if (one.at < still_live) continue;
      for (std::size_t i = 0; i < cluster.size(); ++i) {
        if (!running.contains(i)) continue;
        EXPECT_EQ(cluster.node(i).is_active(one.token, "revoker"), !one.revoked)
            << "node " << i << (one.revoked ? " lost a revocation" : " revoked what nobody did");
      }
      ++looked_at;
    }
    return looked_at;
  }

  void expect_all_there(const std::vector<OperatorLoad::Done>& done) {
    for (const auto& one : done) {
      const auto shown = cluster.node(0).command({"client", "show", one.client_id});
      ASSERT_EQ(shown.status, 0) << one.client_id << " is lost";
      if (one.disabled) {
        EXPECT_FALSE(json::parse(shown.out).at("enabled").get<bool>()) << one.client_id;
      }
      if (!one.second_secret_id) continue;
      const auto secrets = cluster.node(0).command({"secret", "list", one.client_id});
      EXPECT_NE(secrets.out.find(*one.second_secret_id), std::string::npos) << one.client_id;
    }
  }

  Replicated database;
  TestCluster cluster{{.config = rotating(), .postgres_url = database.url, .balanced = true}};
  std::set<std::size_t> running{0, 1, 2};
};

TEST_F(ClusterUnderLoad, LosesNothingWhileNodesAndThePrimaryDieAndKeysRotate) {
  TokenLoad tokens(as("c1"), {});
  RevocationLoad revocations(as("revoker"), milliseconds{60});
  OperatorLoad changes(cluster.node(0), milliseconds{700});
  const auto after_rotations = [&](std::size_t count) {
    const auto deadline = steady_clock::now() + std::chrono::seconds{60};
    while (tokens.kids().size() <= count && steady_clock::now() < deadline) {
      std::this_thread::sleep_for(milliseconds{100});
    }
    EXPECT_GT(tokens.kids().size(), count) << "the keys do not rotate";
  };
  const auto kill = [&](std::size_t node) {
    cluster.kill(node);
    running.erase(node);
  };
  const auto start = [&](std::size_t node) {
    cluster.start(node);
    running.insert(node);
  };

  after_rotations(2);
  kill(1);
  after_rotations(4);
  start(1);
  running.insert(cluster.size());
  cluster.add_node();
  after_rotations(6);
  kill(2);
  after_rotations(8);
  const auto before = steady_clock::now();
  database.fail_over();
  const auto promoted = steady_clock::now();
  const int acknowledged = revocations.acknowledged;
  EXPECT_TRUE(TestServer::eventually([&] { return revocations.acknowledged > acknowledged; }));
  const auto back = steady_clock::now();
  std::this_thread::sleep_for(std::chrono::seconds{1});
  const auto looked_at = expect_all_in_force(revocations.seen());
  after_rotations(11);
  start(2);
  after_rotations(14);
  kill(0);
  after_rotations(16);
  start(0);
  after_rotations(18);
  running.erase(3);
  cluster.retire(3);
  after_rotations(rotations);
  tokens.stop();
  revocations.stop();
  changes.stop();

  const auto ms = [](steady_clock::duration time) {
    return std::to_string(std::chrono::duration_cast<milliseconds>(time).count()) + " ms";
  };
  std::cout << tokens.issued << " tokens by " << tokens.kids().size() << " keys, "
            << tokens.unavailable << " times 503, " << tokens.broken << " broken connections; "
            << revocations.acknowledged << " revocations, " << revocations.refused << " refused; "
            << changes.done().size() << " clients made, " << changes.refused
            << " refused\nfailover: promoted after " << ms(promoted - before)
            << ", revocations again after " << ms(back - before) << "; " << looked_at
            << " tokens looked at on each node\n";
  EXPECT_THAT(tokens.faults(), ::testing::IsEmpty());
  EXPECT_THAT(revocations.faults(), ::testing::IsEmpty());
  EXPECT_GT(tokens.issued, 1000);
  EXPECT_GT(looked_at, 50U);
  std::this_thread::sleep_for(std::chrono::seconds{1});
  EXPECT_GT(expect_all_in_force(revocations.seen()), 50U);
  expect_all_there(changes.done());
}

}  // namespace
}  // namespace grantd::testing
