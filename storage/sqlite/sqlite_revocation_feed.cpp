#include "storage/sqlite/backend.h"

namespace grantd::storage::sqlite {
namespace {

using News = RevocationFeedStore::News;

constexpr std::string_view entries_behind =
    "SELECT seq, 0, jti, expires_at, 0 FROM revocation WHERE seq > ?1 AND expires_at > ?2"
    " UNION ALL"
    " SELECT seq, 1, client_id, expires_at, at FROM not_before WHERE seq > ?1 AND expires_at > ?2"
    " ORDER BY seq";

/// The seq of the last entry that was taken; 0 where there was none.
std::int64_t read_entries(Connection& connection, std::int64_t after, sys_seconds now,
                          std::size_t max_entries, News& news) {
  std::int64_t last = 0;
  // Both arms come out of an index in order and are merged: what is not stepped to is not read.
  auto rows = connection.query(entries_behind, after, now);
  while (rows.step()) {
    const auto seq = rows.integer(0);
    if (seq != last && news.revocations.size() + news.not_before.size() >= max_entries) {
      news.more = true;
      break;
    }
    last = seq;
    if (rows.boolean(1)) {
      news.not_before.push_back({rows.string(2), rows.time(4), rows.time(3)});
    } else {
      news.revocations.push_back({rows.string(2), rows.time(3)});
    }
  }
  return last;
}

void read_compromised_kids(Connection& connection, std::int64_t after, News& news) {
  auto rows = connection.query(
      "SELECT kid, compromised_seq FROM signing_key WHERE compromised = 1"
      " ORDER BY published_at, kid");
  while (rows.step()) {
    news.compromised_kids.push_back(rows.string(0));
    if (rows.integer(1) > after) news.kids_changed = true;
  }
}

}  // namespace

StoreResult<News> Backend::revocation_news(std::optional<std::int64_t> since, sys_seconds now,
                                           std::size_t max_entries) {
  return database_->read([&](Connection& connection) -> StoreResult<News> {
    const auto newest = newest_seq(connection);
    News news;
    news.full = !since || *since > newest;
    const auto after = news.full ? 0 : *since;
    const auto last = read_entries(connection, after, now, max_entries, news);
    read_compromised_kids(connection, after, news);
    if (news.more) {
      news.seq = last;
    } else {
      news.seq = news.full || last > 0 || news.kids_changed ? newest : after;
    }
    return news;
  });
}

}  // namespace grantd::storage::sqlite
