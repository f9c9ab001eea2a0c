// keys.signer: "multi-buffer", with and without what it needs.
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/status_list.h"
#include "tests/support/test_server.h"

namespace grantd::testing {
namespace {

TEST(MultiBufferSigner, StartsAndIssuesTokensWhetherOrNotTheMachineHasWhatItNeeds) {
  TestServer server{{.config = {{"keys", {{"signer", "multi-buffer"}}},
                                {"audiences", {{api, {{"status_list", true}}}}}}}};
  const auto in_force = server.log_lines("signer").at(0).at("signer").get<std::string>();
  const auto warnings = server.log_lines("signer_unavailable");
  if (in_force == "openssl") {
    ASSERT_EQ(warnings.size(), 1U);
    EXPECT_EQ(warnings.at(0).at("level"), "warn");
    EXPECT_EQ(warnings.at(0).at("signer"), "multi-buffer");
    const auto detail = warnings.at(0).at("detail").get<std::string>();
    EXPECT_NE(detail.find("expected"), std::string::npos) << detail;
  } else {
    EXPECT_EQ(in_force, "multi-buffer");
    EXPECT_TRUE(warnings.empty());
  }

  constexpr int clients = 16;
  constexpr int tokens_each = 5;
  server.add_client("c1");
  std::vector<std::jthread> threads;
  threads.reserve(clients);
  std::atomic<int> active{0};
  for (int i = 0; i < clients; ++i) {
    threads.emplace_back([&] {
      for (int token = 0; token < tokens_each; ++token) {
        if (server.is_active(server.token_for("c1"), "c1")) ++active;
      }
    });
  }
  threads.clear();
  EXPECT_EQ(active, clients * tokens_each) << "each was verified with the published key";
  // Rendered and signed on the blocking pool, not on an event loop.
  const auto status = status_entry(server.token_for("c1"));
  EXPECT_FALSE(fetch_status_list(server, status.uri).is_revoked(status.index));
  EXPECT_TRUE(server.log_lines("signature_fault").empty());
  const auto metrics = server.metrics();
  EXPECT_NE(metrics.find("grantd_signer_info{signer=\"" + in_force + "\"} 1"), std::string::npos);
  EXPECT_NE(metrics.find("grantd_signature_faults_total 0\n"), std::string::npos);
}

}  // namespace
}  // namespace grantd::testing
