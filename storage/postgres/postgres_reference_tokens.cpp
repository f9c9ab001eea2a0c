#include "storage/postgres/backend.h"
#include "storage/postgres/row.h"

namespace grantd::storage::postgres {
namespace {

constexpr std::string_view put_tokens =
    "INSERT INTO reference_token (digest, typ, claims, expires_at)"
    " SELECT digest, typ, claims, expires_at"
    " FROM unnest($1::bytea[], $2::text[], $3::text[], $4::bigint[])"
    " AS list (digest, typ, claims, expires_at)";

constexpr std::string_view sweep_expired =
    "DELETE FROM reference_token WHERE digest = ANY (ARRAY("
    "SELECT digest FROM reference_token WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2"
    " FOR UPDATE SKIP LOCKED))";

}  // namespace

StoreResult<void> Backend::put_reference_tokens(std::span<const ReferenceToken> tokens) {
  if (tokens.empty()) return {};
  std::vector<Digest> digests;
  std::vector<std::string_view> typs;
  std::vector<std::string_view> claims;
  std::vector<sys_seconds> expiries;
  for (const ReferenceToken& token : tokens) {
    digests.push_back(token.digest);
    typs.emplace_back(token.typ);
    claims.emplace_back(token.claims);
    expiries.push_back(token.expires_at);
  }
  auto put = database_->write([&](Connection& connection) -> StoreResult<void> {
    connection.run(put_tokens, digests, typs, claims, expiries);
    return {};
  });
  if (!put && put.error().code == StoreErrorCode::exists) put.error().code = StoreErrorCode::limit;
  return put;
}

StoreResult<std::optional<ReferenceToken>> Backend::find_reference_token(const Digest& digest) {
  return database_->read_one(
      [&](Connection& connection) -> StoreResult<std::optional<ReferenceToken>> {
        const auto rows = connection.query(
            "SELECT typ, claims, expires_at FROM reference_token WHERE digest = $1", digest);
        if (rows.empty()) return std::nullopt;
        return ReferenceToken{digest, rows.string(0, 0), rows.string(0, 1), rows.time(0, 2)};
      });
}

StoreResult<std::size_t> Backend::sweep_reference_tokens(sys_seconds now, std::size_t max_rows) {
  return database_->write([&](Connection& connection) -> StoreResult<std::size_t> {
    return connection.run(sweep_expired, now, static_cast<std::int64_t>(max_rows));
  });
}

}  // namespace grantd::storage::postgres
