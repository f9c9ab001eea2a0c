#include "storage/sqlite/backend.h"

namespace grantd::storage::sqlite {

StoreResult<void> Backend::put_reference_tokens(std::span<const ReferenceToken> tokens) {
  return database_->write([&](Connection& connection) -> StoreResult<void> {
    for (const ReferenceToken& token : tokens) {
      connection.run(
          "INSERT INTO reference_token (digest, typ, claims, expires_at) VALUES (?, ?, ?, ?)",
          token.digest, token.typ, token.claims, token.expires_at);
    }
    return {};
  });
}

StoreResult<std::optional<ReferenceToken>> Backend::find_reference_token(const Digest& digest) {
  return database_->read([&](Connection& connection) -> StoreResult<std::optional<ReferenceToken>> {
    auto row = connection.query(
        "SELECT typ, claims, expires_at FROM reference_token WHERE digest = ?", digest);
    if (!row.step()) return std::nullopt;
    return ReferenceToken{digest, row.string(0), row.string(1), row.time(2)};
  });
}

StoreResult<std::size_t> Backend::sweep_reference_tokens(sys_seconds now, std::size_t max_rows) {
  return database_->write([&](Connection& connection) -> StoreResult<std::size_t> {
    connection.run(
        "DELETE FROM reference_token WHERE rowid IN"
        " (SELECT rowid FROM reference_token WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)",
        now, static_cast<std::int64_t>(max_rows));
    return connection.changes();
  });
}

}  // namespace grantd::storage::sqlite
