/// What is particular to SQLite: the file itself, its mode, its disappearance, its backup.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "tests/storage_conformance/backend.h"

namespace grantd::storage::conformance {
namespace {

namespace fs = std::filesystem;
using sqlite::ServerLock;
using sqlite::SqliteStorage;
using std::chrono::hours;

constexpr uid_t nobody = 65534;

unsigned mode_of(const fs::path& path) {
  struct stat found{};
  EXPECT_EQ(::stat(path.c_str(), &found), 0) << path;
  return found.st_mode & 07777U;
}

uid_t owner_of(const fs::path& path) {
  struct stat found{};
  EXPECT_EQ(::stat(path.c_str(), &found), 0) << path;
  return found.st_uid;
}

StoreResult<void> revoke(Storage& store, const std::string& jti) {
  return store.revoke({jti, test_time + hours{1}}, test_time, test_actor);
}

class SqliteFile : public ::testing::Test {
 protected:
  SqliteDatabase database;
  std::unique_ptr<SqliteStorage> store{database.open_sqlite(SqliteStorage::Create::no)};

  void expect_unavailable_everywhere() {
    EXPECT_EQ(store->ping().error().code, StoreErrorCode::unavailable);
    EXPECT_EQ(store->changes_after(0, 10).error().code, StoreErrorCode::unavailable);
    EXPECT_EQ(store->find_client("billing").error().code, StoreErrorCode::unavailable);
    EXPECT_EQ(revoke(*store, "while away").error().code, StoreErrorCode::unavailable);
  }
};

TEST_F(SqliteFile, AMissingFileIsNotMadeUnasked) {
  const auto path = database.directory() / "other.db";
  EXPECT_FALSE(SqliteStorage::open({.path = path}, SqliteStorage::Create::no));
  EXPECT_FALSE(fs::exists(path));
}

TEST_F(SqliteFile, NoneOfItsFilesCanBeReadByOthers) {
  const mode_t before = ::umask(0);
  const auto path = database.directory() / "fresh.db";
  const auto fresh = SqliteStorage::open({.path = path}, SqliteStorage::Create::yes);
  ::umask(before);
  ASSERT_TRUE(fresh) << fresh.error();
  EXPECT_EQ(mode_of(path), 0600U);
  EXPECT_EQ(mode_of(path.string() + "-wal"), 0600U);
  EXPECT_EQ(mode_of(path.string() + "-shm"), 0600U);
}

TEST_F(SqliteFile, AFileThatOthersCanReadIsRefusedAndLeftAsItIs) {
  store.reset();
  fs::permissions(database.path(), fs::perms{0644});
  const auto opened = SqliteStorage::open({.path = database.path()}, SqliteStorage::Create::yes);
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().find("chmod 600"), std::string::npos) << opened.error();
  EXPECT_EQ(mode_of(database.path()), 0644U);
}

TEST_F(SqliteFile, AFileOfSomethingElseIsRefused) {
  const auto path = database.directory() / "not.db";
  std::ofstream(path) << std::string(5000, 'x');
  fs::permissions(path, fs::perms{0600});
  const auto opened = SqliteStorage::open({.path = path}, SqliteStorage::Create::yes);
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().find("not a database"), std::string::npos) << opened.error();
}

TEST_F(SqliteFile, AFileThatCannotBeWrittenIsRefused) {
  store.reset();
  fs::permissions(database.path(), fs::perms{0400});
  const bool root = ::geteuid() == 0;
  if (root) {
    for (const fs::path& path : {database.directory(), database.path()}) {
      ASSERT_EQ(::chown(path.c_str(), nobody, nobody), 0);
    }
    ASSERT_EQ(::seteuid(nobody), 0);
  }
  const auto opened = SqliteStorage::open({.path = database.path()}, SqliteStorage::Create::yes);
  if (root) {
    ASSERT_EQ(::seteuid(0), 0);
  }
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().find("cannot be written"), std::string::npos) << opened.error();
}

TEST_F(SqliteFile, RootGivesNewFilesToTheOwnerOfTheDirectory) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const auto directory = database.directory() / "service";
  fs::create_directory(directory);
  ASSERT_EQ(::chown(directory.c_str(), nobody, nobody), 0);
  const auto path = directory / "grantd.db";

  const auto fresh = SqliteStorage::open({.path = path}, SqliteStorage::Create::yes);
  ASSERT_TRUE(fresh) << fresh.error();
  ASSERT_TRUE((*fresh)->backup_to(directory / "backup.db"));
  const auto lock = ServerLock::acquire(path);
  ASSERT_TRUE(lock);

  for (const char* ending : {"", "-wal", "-shm", ".lock"}) {
    EXPECT_EQ(owner_of(path.string() + ending), nobody) << ending;
  }
  EXPECT_EQ(owner_of(directory / "backup.db"), nobody);
}

TEST_F(SqliteFile, MovedAwayItIsUnavailableUntilItIsBack) {
  ASSERT_TRUE(revoke(*store, "before"));
  const auto away = database.directory() / "away.db";
  fs::rename(database.path(), away);
  expect_unavailable_everywhere();
  EXPECT_FALSE(fs::exists(database.path()));

  fs::rename(away, database.path());
  EXPECT_TRUE(store->ping());
  EXPECT_TRUE(*store->find_revocation("before"));
  EXPECT_FALSE(*store->find_revocation("while away"));
  EXPECT_TRUE(revoke(*store, "after"));
  EXPECT_FALSE(store->changes_after(0, 10)->gap);
  EXPECT_EQ(database.integrity(), "ok");
}

TEST_F(SqliteFile, ABackupPutInItsPlaceIsTakenUpAndToldAsAGapOnce) {
  ASSERT_TRUE(revoke(*store, "kept"));
  const auto backup = database.directory() / "backup.db";
  ASSERT_TRUE(store->backup_to(backup));
  // Left in the write-ahead log: these pages must not come to be written over the backup's.
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(revoke(*store, "lost" + std::to_string(i)));

  fs::rename(backup, database.path());

  EXPECT_TRUE(*store->find_revocation("kept"));
  EXPECT_FALSE(*store->find_revocation("lost0"));
  ASSERT_TRUE(revoke(*store, "new"));
  EXPECT_TRUE(store->changes_after(1, 10)->gap);
  EXPECT_FALSE(store->changes_after(1, 10)->gap);
  EXPECT_EQ(database.integrity(), "ok");
  EXPECT_TRUE(*database.open()->find_revocation("new"));
}

TEST_F(SqliteFile, AReplacementOfAnotherSchemaStaysUnavailable) {
  const auto empty = database.directory() / "empty.db";
  ASSERT_TRUE(SqliteStorage::open({.path = empty}, SqliteStorage::Create::yes));
  const auto kept = database.directory() / "kept.db";
  fs::rename(database.path(), kept);
  fs::rename(empty, database.path());
  expect_unavailable_everywhere();

  fs::rename(kept, database.path());
  EXPECT_TRUE(store->ping());
  EXPECT_TRUE(revoke(*store, "after"));
}

TEST_F(SqliteFile, ReadersInFlightSurviveAReplacement) {
  ASSERT_TRUE(revoke(*store, "kept"));
  std::atomic<bool> done{false};
  std::vector<std::jthread> readers;
  readers.reserve(3);
  for (int t = 0; t < 3; ++t) {
    readers.emplace_back([&] {
      while (!done) {
        const auto found = store->find_revocation("kept");
        // Caught in the very moment of the change it may be told to try again, never an empty file.
        if (found) {
          EXPECT_TRUE(*found);
        }
      }
    });
  }
  for (int i = 0; i < 5; ++i) {
    const auto backup = database.directory() / "backup.db";
    ASSERT_TRUE(store->backup_to(backup));
    fs::rename(backup, database.path());
    for (bool written = false; !written;) {
      const auto revoked = revoke(*store, std::to_string(i));
      ASSERT_TRUE(revoked || revoked.error().code == StoreErrorCode::unavailable);
      written = revoked.has_value();
    }
  }
  done = true;
  readers.clear();
  EXPECT_TRUE(store->ping());
  EXPECT_EQ(database.integrity(), "ok");
}

TEST_F(SqliteFile, ARestoredBackupGivesNoStatusEntryOutAgain) {
  const auto reserve = [&] {
    return store->reserve_status_block(test_time + std::chrono::hours{1}, 100, 10).value();
  };
  EXPECT_EQ(reserve().list.id, 1U);
  const auto backup = database.directory() / "backup.db";
  ASSERT_TRUE(store->backup_to(backup));
  // The original goes on in the same list, and then makes another.
  for (int i = 0; i < 10; ++i) EXPECT_LE(reserve().list.id, 2U);
  fs::rename(backup, database.path());
  StoreResult<std::optional<StatusList>> first;
  while (!first || !*first) first = store->find_status_list(1);
  EXPECT_EQ((*first)->next_index, 100U);
  const auto block = reserve();
  EXPECT_EQ(block.list.id, 4294967298U);
  EXPECT_EQ(block.first, 0U);
}

TEST_F(SqliteFile, AFullDiskIsUnavailableAndComesBackByItself) {
  const auto directory = database.directory() / "small";
  fs::create_directory(directory);
  if (::geteuid() != 0 || ::mount("tmpfs", directory.c_str(), "tmpfs", 0, "size=2m") != 0) {
    GTEST_SKIP() << "needs to mount a small file system";
  }
  const auto ballast = directory / "ballast";
  std::ofstream(ballast) << std::string(1'000'000, 'x');
  {
    const auto full =
        SqliteStorage::open({.path = directory / "grantd.db"}, SqliteStorage::Create::yes);
    const auto migrations = sqlite_migrations();
    EXPECT_TRUE(full && (*full)->apply({migrations.begin(), migrations.end()}, test_time));
    StoreResult<void> revoked;
    int written = 0;
    for (; written < 1000; ++written) {
      revoked = revoke(**full, std::to_string(written) + std::string(20'000, 'j'));
      if (!revoked) break;
    }
    EXPECT_FALSE(revoked);
    EXPECT_EQ(revoked.error().code, StoreErrorCode::unavailable);
    EXPECT_NE(revoked.error().detail.find("full"), std::string::npos) << revoked.error().detail;
    EXPECT_EQ((*full)->newest_change(), written);

    fs::remove(ballast);
    EXPECT_TRUE(revoke(**full, "after"));
    EXPECT_EQ((*full)->newest_change(), written + 1);
  }
  EXPECT_EQ(query_sqlite(directory / "grantd.db", "PRAGMA integrity_check"), "ok");
  EXPECT_EQ(::umount(directory.c_str()), 0);
}

TEST_F(SqliteFile, AWriterThatNeverEndsMakesOthersUnavailable) {
  const auto hasty =
      SqliteStorage::open({.path = database.path(), .busy_timeout = std::chrono::milliseconds{50}},
                          SqliteStorage::Create::no);
  ASSERT_TRUE(hasty);
  const auto decided = store->update_keys(
      [&](const std::vector<KeyRecord>&) -> std::expected<KeyStore::Update, std::string> {
        EXPECT_EQ(revoke(**hasty, "meanwhile").error().code, StoreErrorCode::unavailable);
        EXPECT_TRUE((*hasty)->ping());  // reading goes on
        return KeyStore::Update{};
      },
      test_time, test_actor);
  EXPECT_TRUE(decided);
  EXPECT_TRUE(revoke(**hasty, "afterwards"));
}

TEST_F(SqliteFile, ABackupOfABusyDatabaseIsOneWholePrivateFile) {
  std::atomic<bool> done{false};
  std::jthread writer([&] {
    const auto mine = database.open();
    for (int i = 0; !done; ++i) EXPECT_TRUE(revoke(*mine, "j" + std::to_string(i)));
  });
  const auto backup = database.directory() / "backup.db";
  for (int i = 0; i < 5; ++i) {
    const auto made = store->backup_to(backup);
    ASSERT_TRUE(made) << made.error();
  }
  done = true;
  writer.join();

  EXPECT_EQ(mode_of(backup), 0600U);
  EXPECT_FALSE(fs::exists(backup.string() + "-wal"));
  EXPECT_EQ(query_sqlite(backup, "PRAGMA integrity_check"), "ok");
  EXPECT_EQ(query_sqlite(backup, "SELECT count(*) FROM revocation"),
            query_sqlite(backup, "SELECT value - 4294967296 FROM counter WHERE name = 'change'"));
  EXPECT_EQ(std::distance(fs::directory_iterator(database.directory()), {}), 4);  // none left over
}

TEST_F(SqliteFile, ARestoredBackupTellsReadersOfItsOwnRevocationsWhateverTheyHaveSeen) {
  const auto backup = database.directory() / "backup.db";
  ASSERT_TRUE(revoke(*store, "before"));
  ASSERT_TRUE(store->backup_to(backup));
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(revoke(*store, "forgotten" + std::to_string(i)));
  const auto cursor = store->revocation_news({}, test_time, 100)->seq;

  const auto restored = SqliteStorage::open({.path = backup}, SqliteStorage::Create::no);
  ASSERT_TRUE(restored) << restored.error();
  ASSERT_TRUE(revoke(**restored, "after"));
  const auto news = (*restored)->revocation_news(cursor, test_time, 100);
  ASSERT_TRUE(news) << news.error().detail;
  EXPECT_FALSE(news->full);
  ASSERT_EQ(news->revocations.size(), 1U);
  EXPECT_EQ(news->revocations[0].jti, "after");
}

TEST_F(SqliteFile, ABackupIntoNowhereFailsWithASentence) {
  const auto made = store->backup_to(database.directory() / "missing" / "backup.db");
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().find("missing"), std::string::npos);
}

TEST(SqliteMigrations, AreAppliedOnceByHoweverManyProcesses) {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "grantd.db";
  const auto known = sqlite_migrations();
  std::vector<std::jthread> processes;
  processes.reserve(4);
  for (int t = 0; t < 4; ++t) {
    processes.emplace_back([&] {
      const auto storage = SqliteStorage::open({.path = path}, SqliteStorage::Create::yes);
      ASSERT_TRUE(storage) << storage.error();
      const auto applied = (*storage)->apply({known.begin(), known.end()}, test_time);
      EXPECT_TRUE(applied) << applied.error().detail;
    });
  }
  processes.clear();
  const auto storage = SqliteStorage::open({.path = path}, SqliteStorage::Create::no);
  const auto applied = (*storage)->applied_migrations();
  ASSERT_TRUE(applied);
  ASSERT_EQ(applied->size(), known.size());
  EXPECT_EQ(applied->front().checksum, known.front().checksum);
  EXPECT_TRUE(plan_migrations(known, *applied)->empty());
}

TEST_F(SqliteFile, AMigrationThatFailsLeavesNoTrace) {
  const Migration broken{.number = 9000,
                         .name = "9000_broken",
                         .sql = "CREATE TABLE half (a INTEGER); CREATE TABLE half (a INTEGER);",
                         .checksum = "c",
                         .compatible_from = 1};
  EXPECT_FALSE(store->apply({broken}, test_time));
  EXPECT_EQ(store->applied_migrations()->size(), sqlite_migrations().size());
  EXPECT_EQ(query_sqlite(database.path(), "SELECT count(*) FROM sqlite_schema WHERE name = 'half'"),
            "0");
}

TEST_F(SqliteFile, AChangedMigrationIsRefusedByName) {
  query_sqlite(database.path(), "UPDATE schema_migration SET checksum = 'other' WHERE number = 1");
  const auto plan = plan_migrations(sqlite_migrations(), *store->applied_migrations());
  ASSERT_FALSE(plan);
  EXPECT_NE(plan.error().find("0001_initial"), std::string::npos);
}

TEST_F(SqliteFile, ANewerMigrationIsHeededOnlyWhereItDemandsIt) {
  query_sqlite(database.path(),
               "INSERT INTO schema_migration VALUES (9000, '9000_later', 'c', 1, 0)");
  EXPECT_TRUE(plan_migrations(sqlite_migrations(), *store->applied_migrations())->empty());
  query_sqlite(database.path(), "UPDATE schema_migration SET compatible_from = 9000");
  EXPECT_FALSE(plan_migrations(sqlite_migrations(), *store->applied_migrations()));
}

TEST(SqliteServerLock, IsHeldByOneAndFreeWhenThatEnds) {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "grantd.db";
  {
    const auto first = ServerLock::acquire(path);
    ASSERT_TRUE(first) << first.error();
    const auto second = ServerLock::acquire(path);
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().find("another grantd serve"), std::string::npos);
    EXPECT_EQ(mode_of(path.string() + ".lock"), 0600U);
  }
  EXPECT_TRUE(ServerLock::acquire(path));
}

TEST(SqliteServerLock, SeesThroughLinksToTheDatabase) {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "grantd.db";
  std::ofstream(path) << "";
  fs::create_symlink(path, directory.path() / "link.db");
  const auto first = ServerLock::acquire(path);
  ASSERT_TRUE(first);
  EXPECT_FALSE(ServerLock::acquire(directory.path() / "link.db"));
}

}  // namespace
}  // namespace grantd::storage::conformance
