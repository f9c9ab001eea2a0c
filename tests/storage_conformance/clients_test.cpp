#include <tuple>

#include "tests/storage_conformance/backend.h"

namespace grantd::storage::conformance {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

class ClientStoreConformance : public StorageConformance {};
INSTANTIATE_TEST_SUITE_P(Backends, ClientStoreConformance, ::testing::ValuesIn(all_backends()),
                         backend_name);

NotBefore not_before(std::string id, sys_seconds at) { return {std::move(id), at, at + hours{1}}; }

TEST_P(ClientStoreConformance, AnUnknownClientIsNotFound) {
  const auto found = store->find_client("nobody");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, StoreErrorCode::not_found);
}

TEST_P(ClientStoreConformance, AClientIsFoundAsItWasCreated) {
  const ClientRecord client = client_record("billing");
  SecretRecord secret = secret_record(1);
  secret.imported = true;
  secret.expires_at = test_time + hours{24};
  ASSERT_TRUE(store->create_client(client, secret, test_actor));

  const auto found = database->open()->find_client("billing");

  ASSERT_TRUE(found);
  EXPECT_EQ(found->client.name, "Billing");
  EXPECT_EQ(found->client.auth_method, AuthMethod::client_secret_basic);
  EXPECT_EQ(found->client.scopes, client.scopes);
  EXPECT_EQ(found->client.audiences, client.audiences);
  EXPECT_EQ(found->client.default_audiences, client.default_audiences);
  EXPECT_EQ(found->client.serves, client.serves);
  EXPECT_EQ(found->client.token_lifetime, seconds{120});
  EXPECT_TRUE(found->client.enabled);
  EXPECT_EQ(found->client.created_at, test_time);
  ASSERT_EQ(found->secrets.size(), 1U);
  EXPECT_EQ(found->secrets[0].secret_id, secret.secret_id);
  EXPECT_EQ(found->secrets[0].digest, secret.digest);
  EXPECT_EQ(found->secrets[0].pepper_id, pepper_id);
  EXPECT_TRUE(found->secrets[0].imported);
  EXPECT_EQ(found->secrets[0].expires_at, secret.expires_at);
  EXPECT_EQ(found->secrets[0].last_used_at, std::nullopt);
}

TEST_P(ClientStoreConformance, AnIdThatExistsIsNotCreatedAgain) {
  create_client("billing", 1);
  const auto again = store->create_client(client_record("billing"), secret_record(2), test_actor);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, StoreErrorCode::exists);
  EXPECT_EQ(store->find_client("billing")->secrets[0].secret_id, secret_record(1).secret_id);
}

TEST_P(ClientStoreConformance, ASecretIdThatExistsIsRefusedWithTheWholeClient) {
  create_client("billing", 1);
  const auto other = store->create_client(client_record("other"), secret_record(1), test_actor);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, StoreErrorCode::exists);
  EXPECT_FALSE(store->find_client("other"));
}

TEST_P(ClientStoreConformance, WhatTheSchemaDoesNotAllowLeavesNothingBehind) {
  ClientRecord twice = client_record("billing");
  twice.scopes = {"a", "a"};
  ClientRecord strange_default = client_record("billing");
  strange_default.default_audiences = {"https://elsewhere.example"};
  SecretRecord unknown_pepper = secret_record(1);
  unknown_pepper.pepper_id = "unknown";

  EXPECT_EQ(store->create_client(twice, secret_record(1), test_actor).error().code,
            StoreErrorCode::limit);
  EXPECT_EQ(store->create_client(strange_default, secret_record(1), test_actor).error().code,
            StoreErrorCode::limit);
  EXPECT_EQ(store->create_client(client_record("billing"), unknown_pepper, test_actor).error().code,
            StoreErrorCode::limit);
  EXPECT_TRUE(store->list_clients()->empty());
  EXPECT_EQ(store->newest_change(), 0);
}

TEST_P(ClientStoreConformance, TextIsStoredOctetForOctet) {
  ClientRecord client = client_record("a b'\"%");
  client.name =
      "Stra\xC3\x9F"
      "e\\x41 {\"a\",NULL}\t-- '; DROP TABLE client";
  client.scopes = {"a,b", "{c}", "\"d\"", "e\\", "NULL", " f ", ""};
  client.claims = {{"n", client.name}};
  ASSERT_TRUE(store->create_client(client, secret_record(1), test_actor));
  const auto found = store->find_client("a b'\"%")->client;
  EXPECT_EQ(found.name, client.name);
  EXPECT_EQ(found.scopes, client.scopes);
  EXPECT_EQ(found.claims, client.claims);
}

TEST_P(ClientStoreConformance, TextThatCannotBeStoredIsRefusedAndNeverCutOff) {
  using namespace std::string_literals;
  for (const auto& name : {"a\0b"s, "a\xC3"s, "\xFF"s}) {
    ClientRecord client = client_record("billing");
    client.name = name;
    const auto created = store->create_client(client, secret_record(1), test_actor);
    if (created) {  // SQLite takes any octets
      EXPECT_EQ(store->find_client("billing")->client.name, name);
      ASSERT_TRUE(store->delete_client(not_before("billing", test_time), test_actor));
    } else {
      EXPECT_EQ(created.error().code, StoreErrorCode::limit);
      EXPECT_EQ(store->find_client("billing").error().code, StoreErrorCode::not_found);
    }
  }
}

TEST_P(ClientStoreConformance, AnIdThatCannotBeStoredIsNotFound) {
  using namespace std::string_literals;
  create_client("a", 1);
  for (const auto& id : {"a\0b"s, "a\0"s, "\xFF"s, ""s, std::string(100'000, 'a')}) {
    const auto found = store->find_client(id);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, StoreErrorCode::not_found) << found.error().detail;
  }
}

TEST_P(ClientStoreConformance, ClientsAreListedById) {
  create_client("b", 1);
  create_client("c", 2);
  create_client("a", 3);
  const auto listed = store->list_clients();
  ASSERT_TRUE(listed);
  ASSERT_EQ(listed->size(), 3U);
  EXPECT_EQ((*listed)[0].id, "a");
  EXPECT_EQ((*listed)[1].id, "b");
  EXPECT_EQ((*listed)[2].id, "c");
  EXPECT_EQ((*listed)[0].default_audiences, client_record("a").default_audiences);
}

TEST_P(ClientStoreConformance, AnUpdateReplacesWholeListsAndKeepsWhatIsFixed) {
  create_client("billing", 1);
  const auto updated = store->update_client(
      "billing",
      [](ClientRecord& client) {
        client.id = "stolen";
        client.enabled = false;
        client.created_at += hours{5};
        client.scopes = {"only"};
        client.audiences = {"https://new.example"};
        client.default_audiences = {};
        client.serves = {};
        client.token_lifetime.reset();
        client.auth_method = AuthMethod::client_secret_post;
      },
      test_time + seconds{9}, test_actor);
  ASSERT_TRUE(updated);
  EXPECT_EQ(updated->id, "billing");

  const auto found = store->find_client("billing")->client;
  EXPECT_TRUE(found.enabled);
  EXPECT_EQ(found.created_at, test_time);
  EXPECT_EQ(found.updated_at, test_time + seconds{9});
  EXPECT_EQ(found.scopes, std::vector<std::string>{"only"});
  EXPECT_EQ(found.audiences, std::vector<std::string>{"https://new.example"});
  EXPECT_TRUE(found.default_audiences.empty());
  EXPECT_TRUE(found.serves.empty());
  EXPECT_EQ(found.token_lifetime, std::nullopt);
  EXPECT_EQ(found.auth_method, AuthMethod::client_secret_post);
}

TEST_P(ClientStoreConformance, AnEditThatThrowsChangesNothingAndReachesTheCaller) {
  create_client("billing", 1);
  const auto before = *store->newest_change();
  EXPECT_THROW(std::ignore = store->update_client(
                   "billing",
                   [](ClientRecord& client) {
                     client.name = "half";
                     throw std::domain_error("edit");
                   },
                   test_time, test_actor),
               std::domain_error);
  EXPECT_EQ(store->find_client("billing")->client.name, "Billing");
  EXPECT_EQ(store->newest_change(), before);
  create_client("next", 2);  // nothing is left locked
}

TEST_P(ClientStoreConformance, DisablingStoresANotBeforeAndMayBeRepeated) {
  create_client("billing", 1);
  ASSERT_TRUE(store->disable_client(not_before("billing", test_time + seconds{5}), test_actor));
  EXPECT_FALSE(store->find_client("billing")->client.enabled);
  ASSERT_TRUE(store->disable_client(not_before("billing", test_time + seconds{9}), test_actor));

  const auto stored = store->load_not_before(test_time);
  ASSERT_EQ(stored->size(), 1U);
  EXPECT_EQ((*stored)[0].client_id, "billing");
  EXPECT_EQ((*stored)[0].at, test_time + seconds{9});
}

TEST_P(ClientStoreConformance, EnablingLeavesTheNotBefore) {
  create_client("billing", 1);
  ASSERT_TRUE(store->disable_client(not_before("billing", test_time), test_actor));
  ASSERT_TRUE(store->enable_client("billing", test_time + seconds{1}, test_actor));
  EXPECT_TRUE(store->find_client("billing")->client.enabled);
  EXPECT_EQ(store->load_not_before(test_time)->size(), 1U);
}

TEST_P(ClientStoreConformance, DeletingTakesSecretsAlongAndLeavesTheNotBefore) {
  create_client("billing", 1);
  ASSERT_TRUE(store->delete_client(not_before("billing", test_time), test_actor));
  EXPECT_EQ(store->find_client("billing").error().code, StoreErrorCode::not_found);
  EXPECT_TRUE(store->peppers_in_use()->empty());

  create_client("billing", 1);  // the same ids are free again
  EXPECT_EQ(store->load_not_before(test_time)->size(), 1U);
}

TEST_P(ClientStoreConformance, VerbsOnAnUnknownClientStoreNothing) {
  const auto nobody = not_before("nobody", test_time);
  const auto keep = [](ClientRecord&) {};
  const auto allow = [](const ClientWithSecrets&) -> std::expected<void, std::string> {
    return {};
  };
  EXPECT_EQ(store->update_client("nobody", keep, test_time, test_actor).error().code,
            StoreErrorCode::not_found);
  EXPECT_EQ(store->disable_client(nobody, test_actor).error().code, StoreErrorCode::not_found);
  EXPECT_EQ(store->enable_client("nobody", test_time, test_actor).error().code,
            StoreErrorCode::not_found);
  EXPECT_EQ(store->delete_client(nobody, test_actor).error().code, StoreErrorCode::not_found);
  EXPECT_EQ(store->add_secret("nobody", secret_record(1), test_actor).error().code,
            StoreErrorCode::not_found);
  EXPECT_EQ(store->remove_secret("nobody", "x", allow, test_time, test_actor).error().code,
            StoreErrorCode::not_found);
  EXPECT_TRUE(store->load_not_before(test_time)->empty());
  EXPECT_EQ(store->newest_change(), 0);
}

TEST_P(ClientStoreConformance, EachVerbAppendsOneChange) {
  const auto allow = [](const ClientWithSecrets&) -> std::expected<void, std::string> {
    return {};
  };
  create_client("billing", 1);
  ASSERT_TRUE(store->update_client("billing", [](ClientRecord&) {}, test_time, test_actor));
  ASSERT_TRUE(store->add_secret("billing", secret_record(2), test_actor));
  ASSERT_TRUE(store->remove_secret("billing", secret_record(1).secret_id, allow,
                                   test_time + seconds{3}, test_actor));
  ASSERT_TRUE(store->disable_client(not_before("billing", test_time), test_actor));
  ASSERT_TRUE(store->enable_client("billing", test_time, test_actor));
  ASSERT_TRUE(store->delete_client(not_before("billing", test_time), test_actor));

  const std::vector<ChangeKind> expected{ChangeKind::client_created,  ChangeKind::client_updated,
                                         ChangeKind::secret_added,    ChangeKind::secret_removed,
                                         ChangeKind::client_disabled, ChangeKind::client_enabled,
                                         ChangeKind::client_deleted};
  const auto changes = changes_after(0);
  ASSERT_EQ(changes.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(changes[i].kind, expected[i]);
    EXPECT_EQ(changes[i].seq, static_cast<std::int64_t>(i + 1));
    EXPECT_EQ(changes[i].actor, test_actor);
  }
  EXPECT_EQ(changes[0].id, "billing");
  EXPECT_EQ(changes[3].id, "billing/" + secret_record(1).secret_id);
  EXPECT_EQ(changes[3].at, test_time + seconds{3});
}

TEST_P(ClientStoreConformance, TheEleventhSecretIsRefused) {
  create_client("billing", 0);
  for (int i = 1; i < static_cast<int>(max_secrets_per_client); ++i) {
    ASSERT_TRUE(store->add_secret("billing", secret_record(i), test_actor));
  }
  EXPECT_EQ(store->add_secret("billing", secret_record(10), test_actor).error().code,
            StoreErrorCode::limit);
  EXPECT_EQ(store->add_secret("billing", secret_record(3), test_actor).error().code,
            StoreErrorCode::exists);
  EXPECT_EQ(store->find_client("billing")->secrets.size(), max_secrets_per_client);
}

TEST_P(ClientStoreConformance, TheCallersRuleDecidesOverRemovingASecret) {
  create_client("billing", 1);
  const auto removed = store->remove_secret(
      "billing", secret_record(1).secret_id,
      [](const ClientWithSecrets& client) -> std::expected<void, std::string> {
        EXPECT_EQ(client.secrets.size(), 1U);
        return std::unexpected("it is the last one");
      },
      test_time, test_actor);
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().code, StoreErrorCode::refused);
  EXPECT_EQ(removed.error().detail, "it is the last one");
  EXPECT_EQ(store->find_client("billing")->secrets.size(), 1U);
}

TEST_P(ClientStoreConformance, AnotherClientsSecretIsNotRemoved) {
  create_client("billing", 1);
  create_client("other", 2);
  const auto removed = store->remove_secret(
      "billing", secret_record(2).secret_id,
      [](const ClientWithSecrets&) -> std::expected<void, std::string> { return {}; }, test_time,
      test_actor);
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().code, StoreErrorCode::not_found);
  EXPECT_EQ(store->find_client("other")->secrets.size(), 1U);
}

TEST_P(ClientStoreConformance, TheLastUseMovesForwardOnlyAndIsNoChange) {
  create_client("billing", 1);
  const auto before = *store->newest_change();
  const std::string id = secret_record(1).secret_id;
  ASSERT_TRUE(store->record_secret_uses({{id, test_time + seconds{9}}, {"unknown", test_time}}));
  ASSERT_TRUE(store->record_secret_uses({{id, test_time + seconds{5}}}));
  ASSERT_TRUE(store->record_secret_uses({}));
  EXPECT_EQ(store->find_client("billing")->secrets[0].last_used_at, test_time + seconds{9});
  EXPECT_EQ(store->newest_change(), before);
}

TEST_P(ClientStoreConformance, APepperIsInUseWhileADigestNamesIt) {
  EXPECT_TRUE(store->peppers_in_use()->empty());
  create_client("billing", 1);
  const auto in_use = store->peppers_in_use();
  ASSERT_EQ(in_use->size(), 1U);
  EXPECT_EQ((*in_use)[0].pepper_id, pepper_id);
  EXPECT_EQ((*in_use)[0].check, Digest{7});
}

TEST_P(ClientStoreConformance, APepperIdStandsForOnePepper) {
  EXPECT_TRUE(store->register_pepper({std::string(pepper_id), Digest{7}}, test_time));
  const auto other = store->register_pepper({std::string(pepper_id), Digest{8}}, test_time);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, StoreErrorCode::exists);
}

TEST_P(ClientStoreConformance, VeryManyUsesAreNotedAtOnce) {
  create_client("billing", 1);
  std::vector<ClientStore::SecretUse> uses;
  constexpr int unknown = 5000;
  uses.reserve(unknown + 2);
  for (int i = 0; i < unknown; ++i) uses.push_back({"unknown" + std::to_string(i), test_time});
  uses.push_back({secret_record(1).secret_id, test_time + seconds{2}});
  uses.push_back({secret_record(1).secret_id, test_time + seconds{1}});
  ASSERT_TRUE(store->record_secret_uses(uses));
  EXPECT_EQ(store->find_client("billing")->secrets[0].last_used_at, test_time + seconds{2});
}

}  // namespace
}  // namespace grantd::storage::conformance
