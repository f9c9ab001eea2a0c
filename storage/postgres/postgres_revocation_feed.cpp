#include "storage/postgres/backend.h"
#include "storage/postgres/row.h"
#include "storage/rules.h"

namespace grantd::storage::postgres {
namespace {

using News = RevocationFeedStore::News;

/// The newest seq, and every compromised key with the seq at which it was found to be.
constexpr std::string_view newest_and_compromised =
    "SELECT counter.value, signing_key.kid, signing_key.compromised_seq FROM counter"
    " LEFT JOIN signing_key ON signing_key.compromised = 1 WHERE counter.name = 'change'"
    " ORDER BY signing_key.published_at, signing_key.kid";

constexpr std::string_view entries_behind =
    "(SELECT seq, 0 AS kind, jti, expires_at, 0 AS at FROM revocation"
    " WHERE seq > $1 AND expires_at > $2 ORDER BY seq LIMIT $3)"
    " UNION ALL"
    " (SELECT seq, 1, client_id, expires_at, at FROM not_before"
    " WHERE seq > $1 AND expires_at > $2 ORDER BY seq LIMIT $3)"
    " ORDER BY seq LIMIT $3";

/// Of one seq there are at most two entries, one of each table. So these many more show whether the
/// last that fits shares its seq, and whether there is more behind it.
constexpr std::int64_t rows_beyond = 2;

}  // namespace

StoreResult<News> Backend::revocation_news(std::optional<std::int64_t> since, sys_seconds now,
                                           std::size_t max_entries) {
  return database_->read([&](Connection& connection) -> StoreResult<News> {
    const auto heads = connection.query(newest_and_compromised);
    NewsBuilder news(since, heads.empty() ? 0 : heads.integer(0, 0), max_entries);
    for (std::size_t i = 0; i < heads.size(); ++i) {
      if (!heads.is_null(i, 1)) news.compromised(heads.string(i, 1), heads.integer(i, 2));
    }
    const auto rows = connection.query(entries_behind, news.after(), now,
                                       static_cast<std::int64_t>(max_entries) + rows_beyond);
    bool more = true;
    for (std::size_t i = 0; more && i < rows.size(); ++i) {
      const Row row(rows, i);
      more = row.boolean(1)
                 ? news.take(row.integer(0), NotBefore{row.string(2), row.time(4), row.time(3)})
                 : news.take(row.integer(0), Revocation{row.string(2), row.time(3)});
    }
    return news.finish();
  });
}

}  // namespace grantd::storage::postgres
