// The migration 0003: entries of a database from before it get cursors of their own.
#include "tests/storage_conformance/backend.h"

namespace grantd::storage::conformance {
namespace {

using sqlite::SqliteStorage;
using std::chrono::hours;

constexpr int adds_seq = 3;

TEST(SqliteRevocationSeq, EntriesFromBeforeAreToldInPagesAndLeaveRoomForNewOnes) {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "grantd.db";
  const auto store = SqliteStorage::open({.path = path}, SqliteStorage::Create::yes);
  ASSERT_TRUE(store);
  const auto [before, from] = sqlite_migrations_around(adds_seq);
  ASSERT_TRUE((*store)->apply(before, test_time));
  for (int i = 1; i <= 5; ++i) {
    query_sqlite(path, "INSERT INTO revocation VALUES ('j" + std::to_string(i) + "', 2000000000)");
  }
  query_sqlite(path, "INSERT INTO not_before VALUES ('c', 1, 2000000000), ('', 1, 2000000000)");
  query_sqlite(path, "UPDATE counter SET value = 9");
  ASSERT_TRUE((*store)->apply(from, test_time));

  std::optional<std::int64_t> cursor;
  std::size_t told = 0;
  for (bool more = true; more;) {
    const auto news = (*store)->revocation_news(cursor, test_time, 2);
    ASSERT_TRUE(news) << news.error().detail;
    EXPECT_LE(news->revocations.size() + news->not_before.size(), 3U);
    told += news->revocations.size() + news->not_before.size();
    cursor = news->seq;
    more = news->more;
  }
  EXPECT_EQ(told, 7U);
  EXPECT_EQ(cursor, 9);
  ASSERT_TRUE((*store)->revoke({"new", test_time + hours{1}}, test_time, test_actor));
  EXPECT_EQ((*store)->revocation_news(cursor, test_time, 2)->revocations.size(), 1U);
}

}  // namespace
}  // namespace grantd::storage::conformance
