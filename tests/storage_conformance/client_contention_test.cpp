// Processes that change the same clients and secrets at once.
#include <atomic>
#include <thread>

#include "tests/storage_conformance/backend.h"

namespace grantd::storage::conformance {
namespace {

using std::chrono::seconds;

class ClientContentionConformance : public StorageConformance {};
INSTANTIATE_TEST_SUITE_P(Backends, ClientContentionConformance, ::testing::ValuesIn(all_backends()),
                         backend_name);

TEST_P(ClientContentionConformance, UpdatesOfSeveralProcessesAllCount) {
  create_client("billing", 1);
  constexpr int processes = 4;
  constexpr int rounds = 15;
  in_processes(processes, [](int, Storage& mine) {
    for (int i = 0; i < rounds; ++i) {
      EXPECT_TRUE(mine.update_client(
          "billing",
          [](ClientRecord& client) {
            client.scopes.push_back("s" + std::to_string(client.scopes.size()));
          },
          test_time, test_actor));
    }
  });
  EXPECT_EQ(store->find_client("billing")->client.scopes.size(), 2U + processes * rounds);
}

TEST_P(ClientContentionConformance, AReaderNeverSeesHalfAnUpdate) {
  create_client("billing", 1);
  std::atomic<bool> done{false};
  std::jthread writer([&] {
    const auto mine = database->open();
    for (int i = 0; i < 60; ++i) {
      const std::string mark = std::to_string(i);
      EXPECT_TRUE(mine->update_client(
          "billing",
          [&](ClientRecord& client) {
            client.name = mark;
            client.scopes = {mark};
            client.serves = {mark};
          },
          test_time, test_actor));
    }
    done = true;
  });
  std::size_t reads = 0;
  while (!done || reads == 0) {
    const auto found = store->find_client("billing");
    ASSERT_TRUE(found);
    if (found->client.name == "Billing") continue;
    ASSERT_EQ(found->client.scopes, std::vector{found->client.name});
    ASSERT_EQ(found->client.serves, std::vector{found->client.name});
    ++reads;
  }
}

TEST_P(ClientContentionConformance, OneOfManyCreatorsOfAnIdWins) {
  std::atomic<int> created{0};
  std::atomic<int> refused{0};
  in_processes(8, [&](int number, Storage& mine) {
    const auto result =
        mine.create_client(client_record("same"), secret_record(number), test_actor);
    if (result) {
      ++created;
    } else if (result.error().code == StoreErrorCode::exists) {
      ++refused;
    }
  });
  EXPECT_EQ(created, 1);
  EXPECT_EQ(refused, 7);
}

TEST_P(ClientContentionConformance, RacingProcessesNeverExceedTheLimitOfSecrets) {
  create_client("billing", 0);
  in_processes(4, [](int number, Storage& mine) {
    for (int i = 1; i <= 5; ++i) {
      const auto added = mine.add_secret("billing", secret_record(number * 10 + i), test_actor);
      EXPECT_TRUE(added || added.error().code == StoreErrorCode::limit);
    }
  });
  EXPECT_EQ(store->find_client("billing")->secrets.size(), max_secrets_per_client);
}

TEST_P(ClientContentionConformance, OfTwoProcessesThatRemoveTheLastTwoSecretsOneIsRefused) {
  for (int round = 0; round < 5; ++round) {
    const std::string id = "client" + std::to_string(round);
    create_client(id, 2 * round);
    ASSERT_TRUE(store->add_secret(id, secret_record(2 * round + 1), test_actor));
    std::atomic<int> removed{0};
    in_processes(2, [&](int number, Storage& mine) {
      const auto result = mine.remove_secret(
          id, secret_record(2 * round + number).secret_id,
          [](const ClientWithSecrets& client) -> std::expected<void, std::string> {
            if (client.secrets.size() == 1) return std::unexpected("it is the last one");
            return {};
          },
          test_time, test_actor);
      if (result) ++removed;
      EXPECT_TRUE(result || result.error().code == StoreErrorCode::refused);
    });
    EXPECT_EQ(removed, 1);
    EXPECT_EQ(store->find_client(id)->secrets.size(), 1U);
  }
}

TEST_P(ClientContentionConformance, ProcessesThatNoteTheSameUsesNeverWaitForEachOther) {
  constexpr int secrets = 20;
  constexpr int rounds = 30;
  for (int i = 0; i < secrets; ++i) create_client("client" + std::to_string(i), i);
  create_client("passing", secrets);
  in_processes(4, [&](int number, Storage& mine) {
    for (int i = 0; i < rounds; ++i) {
      if (number == 3) {  // comes and goes with a secret that the others note
        EXPECT_TRUE(mine.delete_client({"passing", test_time, test_time + std::chrono::hours{1}},
                                       test_actor));
        EXPECT_TRUE(
            mine.create_client(client_record("passing"), secret_record(secrets), test_actor));
        continue;
      }
      std::vector<ClientStore::SecretUse> uses;
      for (int s = 0; s <= secrets; ++s) {
        uses.push_back({secret_record(number == 0 ? s : secrets - s).secret_id,
                        test_time + seconds{i * 3 + number}});
      }
      const auto noted = mine.record_secret_uses(uses);
      EXPECT_TRUE(noted) << noted.error().detail;
    }
  });
  for (int i = 0; i < secrets; ++i) {
    EXPECT_EQ(store->find_client("client" + std::to_string(i))->secrets[0].last_used_at,
              test_time + seconds{(rounds - 1) * 3 + 2});
  }
}

TEST_P(ClientContentionConformance, OfManyPeppersUnderOneIdOneStays) {
  std::atomic<int> registered{0};
  in_processes(4, [&](int number, Storage& mine) {
    const auto result =
        mine.register_pepper({"contested", Digest{static_cast<std::uint8_t>(number)}}, test_time);
    if (result) ++registered;
    EXPECT_TRUE(result || result.error().code == StoreErrorCode::exists);
  });
  EXPECT_EQ(registered, 1);
}

}  // namespace
}  // namespace grantd::storage::conformance
