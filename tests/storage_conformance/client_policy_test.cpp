#include "tests/storage_conformance/backend.h"

namespace grantd::storage::conformance {
namespace {

class ClientPolicyConformance : public StorageConformance {};
INSTANTIATE_TEST_SUITE_P(Backends, ClientPolicyConformance, ::testing::ValuesIn(all_backends()),
                         backend_name);

TEST_P(ClientPolicyConformance, PolicyFormAndClaimsAreFoundAsTheyWereWritten) {
  ClientRecord client = client_record("gateway");
  client.token_format = TokenFormat::opaque;
  client.claims = {{"tenant", R"("eu")"}, {"roles", R"(["a"])"}};
  client.exchange = {
      {"https://b", "https://a"}, {"s2", "s1"}, {"https://idp"}, 7, ExchangeMode::impersonation};
  ASSERT_TRUE(store->create_client(client, secret_record(1), test_actor));

  const auto found = database->open()->find_client("gateway")->client;
  EXPECT_EQ(found.token_format, client.token_format);
  EXPECT_EQ(found.claims, client.claims);
  EXPECT_EQ(found.exchange, client.exchange);

  ASSERT_TRUE(store->update_client(
      "gateway",
      [](ClientRecord& edited) {
        edited.token_format = TokenFormat::jwt;
        edited.claims.clear();
        edited.exchange = {};
      },
      test_time, test_actor));
  const auto updated = database->open()->find_client("gateway")->client;
  EXPECT_EQ(updated.token_format, TokenFormat::jwt);
  EXPECT_TRUE(updated.claims.empty());
  EXPECT_EQ(updated.exchange, ExchangePolicy{});
}

}  // namespace
}  // namespace grantd::storage::conformance
