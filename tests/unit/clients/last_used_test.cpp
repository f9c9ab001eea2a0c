// Last uses of secrets: written soon the first time, then no more often than their resolution.
#include <gtest/gtest.h>

#include <string>

#include "server/cli/migrate.h"
#include "server/clients/last_used.h"
#include "storage/sqlite/sqlite_storage.h"
#include "tests/support/temp_dir.h"

namespace grantd::clients {
namespace {

using storage::sqlite::SqliteStorage;
using testing::TempDir;

constexpr sys_seconds start{std::chrono::seconds{1'800'000'000}};
constexpr std::chrono::seconds second{1};

class LastUsedOfSecrets : public ::testing::Test {
 protected:
  LastUsedOfSecrets() {
    auto opened =
        SqliteStorage::open({.path = directory / "grantd.db"}, SqliteStorage::Create::yes);
    storage = std::move(opened.value());
    EXPECT_TRUE(cli::migrate(*storage, start));
    EXPECT_TRUE(storage->register_pepper({"pepper", {}}, start));
    storage::ClientRecord client;
    client.id = "c1";
    EXPECT_TRUE(storage->create_client(client, record(id), "operator:ada"));
  }

  static storage::SecretRecord record(const std::string& secret_id) {
    storage::SecretRecord secret;
    secret.secret_id = secret_id;
    secret.pepper_id = "pepper";
    return secret;
  }

  void flush(sys_seconds now, LastUsed::Extent extent = LastUsed::Extent::due) {
    EXPECT_TRUE(last_used.flush(*storage, now, extent));
  }

  void use_more_than_there_is_room_for(sys_seconds at) {
    for (std::size_t i = 0; i < 2 * LastUsed::max_secrets; ++i) {
      last_used.used("s" + std::to_string(i), at);
    }
  }

  /// As often as it takes to write all that is due.
  void flush_all(sys_seconds now) {
    for (std::size_t i = 0; i <= LastUsed::max_secrets / LastUsed::max_batch; ++i) flush(now);
  }

  std::optional<sys_seconds> stored() {
    return storage->find_client("c1")->secrets.at(0).last_used_at;
  }

  static constexpr auto id = "aaaaaaaaaaaa";
  TempDir directory;
  std::unique_ptr<SqliteStorage> storage;
  LastUsed last_used;
};

TEST_F(LastUsedOfSecrets, WritesTheFirstUseWithTheNextBatch) {
  last_used.used(id, start);
  flush(start);
  EXPECT_EQ(stored(), start);
}

TEST_F(LastUsedOfSecrets, WritesLaterUsesOnceTheyAreAResolutionAhead) {
  last_used.used(id, start);
  flush(start);
  last_used.used(id, start + LastUsed::resolution - second);
  flush(start + LastUsed::resolution - second);
  EXPECT_EQ(stored(), start);
  last_used.used(id, start + LastUsed::resolution);
  flush(start + LastUsed::resolution);
  EXPECT_EQ(stored(), start + LastUsed::resolution);
}

TEST_F(LastUsedOfSecrets, WritesTheLastUseWhenTheServerStops) {
  last_used.used(id, start);
  flush(start);
  last_used.used(id, start + second);
  flush(start + second, LastUsed::Extent::all);
  EXPECT_EQ(stored(), start + second);
}

TEST_F(LastUsedOfSecrets, WritesAUseThatNoOtherFollowedAsSoonAsItIsAResolutionAhead) {
  last_used.used(id, start);
  flush(start);
  last_used.used(id, start + LastUsed::resolution);
  last_used.used(id, start + second);  // by a thread that was slow
  flush(start + 2 * LastUsed::resolution);
  EXPECT_EQ(stored(), start + LastUsed::resolution);
}

TEST_F(LastUsedOfSecrets, KeepsWhatCouldNotBeWritten) {
  last_used.used(id, start);
  const auto away = directory / "grantd.db.away";
  std::filesystem::rename(directory / "grantd.db", away);
  EXPECT_FALSE(last_used.flush(*storage, start, LastUsed::Extent::due));
  std::filesystem::rename(away, directory / "grantd.db");
  flush(start);
  EXPECT_EQ(stored(), start);
}

TEST_F(LastUsedOfSecrets, HasRoomForOthersOnceSomeWereIdleForAResolution) {
  use_more_than_there_is_room_for(start);
  last_used.used(id, start);
  flush_all(start);
  EXPECT_EQ(stored(), std::nullopt);
  flush(start + LastUsed::resolution);
  last_used.used(id, start + LastUsed::resolution);
  flush(start + LastUsed::resolution);
  EXPECT_EQ(stored(), start + LastUsed::resolution);
}

TEST_F(LastUsedOfSecrets, HasRoomForOthersAlsoWhereSomeWereUsedOnceMoreSoonAfterTheirWrite) {
  for (const sys_seconds at : {start, start + second}) {
    use_more_than_there_is_room_for(at);
    flush_all(at);
  }
  const auto later = start + LastUsed::resolution + second;
  flush_all(later);
  flush(later);  // forgets what was written
  last_used.used(id, later);
  flush(later);
  EXPECT_EQ(stored(), later);
}

TEST_F(LastUsedOfSecrets, WritesWhatHasWaitedLongestFirstWhereABatchIsFull) {
  for (std::size_t i = 0; i < 3 * LastUsed::max_batch; ++i) {
    last_used.used("s" + std::to_string(i), start + second);
  }
  last_used.used(id, start);
  flush(start + second);
  EXPECT_EQ(stored(), start);
  last_used.used(id, start + LastUsed::resolution);
  flush(start + LastUsed::resolution);  // the others came before this one was due
  EXPECT_EQ(stored(), start);
  flush(start + LastUsed::resolution);
  flush(start + LastUsed::resolution);
  EXPECT_EQ(stored(), start + LastUsed::resolution);
}

TEST_F(LastUsedOfSecrets, WritesAllOfThemWhenTheServerStops) {
  for (std::size_t i = 0; i < LastUsed::max_batch; ++i) {
    last_used.used("s" + std::to_string(i), start);
  }
  last_used.used(id, start + second);
  flush(start + second, LastUsed::Extent::all);
  EXPECT_EQ(stored(), start + second);
}

}  // namespace
}  // namespace grantd::clients
