#include "storage/rules.h"
#include "storage/sqlite/backend.h"

namespace grantd::storage::sqlite {
namespace {

using News = RevocationFeedStore::News;

constexpr std::string_view entries_behind =
    "SELECT seq, 0, jti, expires_at, 0 FROM revocation WHERE seq > ?1 AND expires_at > ?2"
    " UNION ALL"
    " SELECT seq, 1, client_id, expires_at, at FROM not_before WHERE seq > ?1 AND expires_at > ?2"
    " ORDER BY seq";

void read_entries(Connection& connection, sys_seconds now, NewsBuilder& news) {
  // Both arms come out of an index in order and are merged: what is not stepped to is not read.
  auto rows = connection.query(entries_behind, news.after(), now);
  for (bool more = true; more && rows.step();) {
    more = rows.boolean(1)
               ? news.take(rows.integer(0), NotBefore{rows.string(2), rows.time(4), rows.time(3)})
               : news.take(rows.integer(0), Revocation{rows.string(2), rows.time(3)});
  }
}

void read_compromised_kids(Connection& connection, NewsBuilder& news) {
  auto rows = connection.query(
      "SELECT kid, compromised_seq FROM signing_key WHERE compromised = 1"
      " ORDER BY published_at, kid");
  while (rows.step()) news.compromised(rows.string(0), rows.integer(1));
}

}  // namespace

StoreResult<News> Backend::revocation_news(std::optional<std::int64_t> since, sys_seconds now,
                                           std::size_t max_entries) {
  return database_->read([&](Connection& connection) -> StoreResult<News> {
    NewsBuilder news(since, newest_seq(connection), max_entries);
    read_entries(connection, now, news);
    read_compromised_kids(connection, news);
    return news.finish();
  });
}

}  // namespace grantd::storage::sqlite
