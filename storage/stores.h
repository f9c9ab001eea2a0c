/// Narrow store interfaces, one a concern. Every backend passes `tests/storage_conformance/`.
///
/// All calls block: never call from an event loop. All are thread-safe; a callback must not call
/// the store that called it, and what it throws undoes the transaction and reaches the caller. What
/// a verb acknowledges is on disk when it returns, with its row in `change` in the same
/// transaction, except where a line says otherwise. `actor` is who did it: "operator:NAME",
/// "client:ID" or "server".
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/migrator.h"
#include "storage/records.h"

namespace grantd::storage {

enum class StoreErrorCode {
  unavailable,  // away, full, busy for too long: may work later
  not_found,
  exists,   // or another process was faster
  limit,    // what the schema does not allow, such as an 11th secret or a scope twice
  refused,  // the caller's own rule, out of a decide callback
};

struct StoreError {
  StoreErrorCode code{StoreErrorCode::unavailable};
  std::string detail{};  // for operators and the log; never holds a secret
};

template <typename T>
using StoreResult = std::expected<T, StoreError>;

class ClientStore {
 public:
  virtual ~ClientStore() = default;

  /// Errors: not_found, unavailable.
  [[nodiscard]] virtual StoreResult<ClientWithSecrets> find_client(std::string_view id) = 0;
  /// What authentication needs: the client as find_client() has it, but for the labels and last uses
  /// of its secrets. For event loops: never waits, neither for a disk nor for the network nor for
  /// another thread. Nothing where it would have to, or has no answer but `unavailable`.
  [[nodiscard]] virtual std::optional<StoreResult<ClientWithSecrets>> find_client_at_once(
      std::string_view id) {
    static_cast<void>(id);
    return std::nullopt;
  }
  /// By id, ascending.
  [[nodiscard]] virtual StoreResult<std::vector<ClientRecord>> list_clients() = 0;
  /// The client with its first secret. Errors: exists (client or secret id), limit, unavailable.
  [[nodiscard]] virtual StoreResult<void> create_client(const ClientRecord& client,
                                                        const SecretRecord& secret,
                                                        std::string_view actor) = 0;
  /// Reads, lets `edit` change the record (not id, enabled or created_at), writes, all in one
  /// transaction. Errors: not_found, limit, unavailable.
  [[nodiscard]] virtual StoreResult<ClientRecord> update_client(
      std::string_view id, const std::function<void(ClientRecord&)>& edit, sys_seconds now,
      std::string_view actor) = 0;
  /// Disabling stores `not_before` too. Disabling a disabled client is not an error.
  /// Errors: not_found, unavailable.
  [[nodiscard]] virtual StoreResult<void> disable_client(const NotBefore& not_before,
                                                         std::string_view actor) = 0;
  [[nodiscard]] virtual StoreResult<void> enable_client(std::string_view id, sys_seconds now,
                                                        std::string_view actor) = 0;
  /// Stores `not_before` too. Errors: not_found, unavailable.
  [[nodiscard]] virtual StoreResult<void> delete_client(const NotBefore& not_before,
                                                        std::string_view actor) = 0;

  /// Errors: not_found (the client), exists (the secret id), limit, unavailable.
  [[nodiscard]] virtual StoreResult<void> add_secret(std::string_view client_id,
                                                     const SecretRecord& secret,
                                                     std::string_view actor) = 0;
  /// `decide` sees the client with all its secrets and may refuse with a sentence (StoreError
  /// refused); one transaction. Errors: not_found (client or secret), refused, unavailable.
  [[nodiscard]] virtual StoreResult<void> remove_secret(
      std::string_view client_id, std::string_view secret_id,
      const std::function<std::expected<void, std::string>(const ClientWithSecrets&)>& decide,
      sys_seconds now, std::string_view actor) = 0;

  struct SecretUse {
    std::string secret_id{};
    sys_seconds at{};
  };
  /// Moves last_used_at forward, never back. Appends nothing to `change`; need not be durable
  /// when it returns. Unknown ids are passed over.
  [[nodiscard]] virtual StoreResult<void> record_secret_uses(
      const std::vector<SecretUse>& uses) = 0;
};

/// A pepper as the database knows it: its id and a value that only the right pepper yields.
struct PepperCheck {
  std::string pepper_id{};
  Digest check{};
};

class PepperStore {
 public:
  virtual ~PepperStore() = default;
  /// Those that a stored digest names.
  [[nodiscard]] virtual StoreResult<std::vector<PepperCheck>> peppers_in_use() = 0;
  /// Before the first digest under it is stored. Storing the same again is not an error; the same
  /// id with another check value is `exists`.
  [[nodiscard]] virtual StoreResult<void> register_pepper(const PepperCheck& pepper,
                                                          sys_seconds now) = 0;
};

/// Who asked for a revocation, and when.
struct PendingRevocation {
  Revocation revocation{};
  sys_seconds now{};
  std::string actor{};
};

/// RFC 7009; revoked tokens by `jti`, and not-before times by client, each kept until the tokens
/// they concern have expired anyway.
class RevocationStore {
 public:
  virtual ~RevocationStore() = default;

  /// All or none, in one transaction; durable when it returns. Revoking twice is not an error; the
  /// later expiry stays, and where nothing moves nothing is appended to `change`: else one row for
  /// each that moves, in the group's order. A jti that stands there more than once counts once,
  /// with the latest expiry, and with the time and the actor of the first. Errors: unavailable.
  [[nodiscard]] virtual StoreResult<void> revoke_all(std::span<const PendingRevocation> group) = 0;
  /// A group of one.
  [[nodiscard]] StoreResult<void> revoke(const Revocation& revocation, sys_seconds now,
                                         std::string_view actor) {
    const PendingRevocation alone{revocation, now, std::string(actor)};
    return revoke_all({&alone, 1});
  }
  /// Durable when it returns. The later `at` and `expires_at` stay; where neither moves nothing is
  /// appended to `change`. Errors: unavailable.
  [[nodiscard]] virtual StoreResult<void> set_not_before(const NotBefore& not_before,
                                                         std::string_view actor) = 0;

  /// Everything that has not expired at `now`, one call of `each` an entry; holds up no writer. An
  /// entry whose expires_at is `now` has expired.
  [[nodiscard]] virtual StoreResult<void> load_revocations(
      sys_seconds now, const std::function<void(const Revocation&)>& each) = 0;
  /// How many entries there are, expired or not: what load_revocations() will about take.
  [[nodiscard]] virtual StoreResult<std::size_t> count_revocations() = 0;
  [[nodiscard]] virtual StoreResult<std::vector<NotBefore>> load_not_before(sys_seconds now) = 0;
  [[nodiscard]] virtual StoreResult<std::optional<Revocation>> find_revocation(
      std::string_view jti) = 0;

  /// Deletes at most `max_rows` expired entries, not-before times among them, found by an index;
  /// how many went.
  [[nodiscard]] virtual StoreResult<std::size_t> sweep_revocations(sys_seconds now,
                                                                   std::size_t max_rows) = 0;
};

/// The revocation feed: what is revoked behind a reader's cursor, which is the `seq` of a change.
/// Independent of what was swept out of `change`.
class RevocationFeedStore {
 public:
  virtual ~RevocationFeedStore() = default;

  struct News {
    /// The cursor up to which this tells everything; `since` itself where nothing is new.
    std::int64_t seq{0};
    /// All that is live: there was no cursor, or it is newer than this database.
    bool full{false};
    /// Something lies behind `seq` yet.
    bool more{false};
    /// A key was found to be compromised behind the cursor.
    bool kids_changed{false};
    std::vector<Revocation> revocations{};  // by seq, ascending, as the next
    std::vector<NotBefore> not_before{};
    std::vector<std::string> compromised_kids{};  // always all of them
  };
  /// One consistent moment. At most `max_entries` revocations and not-before times (1 or more), but
  /// for those that share the last one's seq: what shares one is never split. Without what has
  /// expired by `now`.
  [[nodiscard]] virtual StoreResult<News> revocation_news(std::optional<std::int64_t> since,
                                                          sys_seconds now,
                                                          std::size_t max_entries) = 0;
};

class KeyStore {
 public:
  virtual ~KeyStore() = default;

  /// By published_at, then kid. Removed keys stay, so that none of them ever signs again.
  [[nodiscard]] virtual StoreResult<std::vector<KeyRecord>> load_keys() = 0;

  /// A private key encrypted under a key that stands outside the database
  /// (keys.wrapping_key_file), where keys.store is "database".
  struct WrappedKey {
    std::string kid{};
    std::string wrapping_key_id{};  // names the line it is encrypted under
    std::string wrapped{};          // octets
    bool operator==(const WrappedKey&) const = default;
  };
  /// By kid.
  [[nodiscard]] virtual StoreResult<std::vector<WrappedKey>> load_wrapped_keys() = 0;

  struct Update {
    std::vector<KeyRecord> put{};                               // inserted, or replaced by kid
    std::vector<std::pair<ChangeKind, std::string>> changes{};  // kind and kid
    std::vector<WrappedKey> wrap{};      // inserted, or replaced by kid, whose record must be there
    std::vector<std::string> destroy{};  // kids whose wrapped half goes for good
  };
  /// Reads all keys, lets `decide` say what to write, writes it, in one transaction that no other
  /// update can interleave with; `decide` may be called again where that transaction is. It may
  /// refuse with a sentence (StoreError refused). Returns the keys as they are afterwards. Errors:
  /// exists (another process was faster: a second standby, or a second key that signs), limit,
  /// unavailable.
  [[nodiscard]] virtual StoreResult<std::vector<KeyRecord>> update_keys(
      const std::function<std::expected<Update, std::string>(const std::vector<KeyRecord>&)>&
          decide,
      sys_seconds now, std::string_view actor) = 0;
};

/// Token Status Lists: which indexes were given out, not which of them are revoked. Appends nothing
/// to `change`: whoever meets a list that it does not know looks it up.
class StatusListStore {
 public:
  virtual ~StatusListStore() = default;

  /// The next `count` indexes, or as many as the list has left, of a list that ends at
  /// `expires_at`; where none of those has room, of a new one with `capacity` indexes. Both counts
  /// are above 0. No other process ever gets the same. Errors: unavailable.
  [[nodiscard]] virtual StoreResult<StatusBlock> reserve_status_block(sys_seconds expires_at,
                                                                      std::uint32_t capacity,
                                                                      std::uint32_t count) = 0;
  /// Those whose expires_at is later than `now`, by id. Errors: unavailable.
  [[nodiscard]] virtual StoreResult<std::vector<StatusList>> live_status_lists(sys_seconds now) = 0;
  /// Live or not, until it is swept. Errors: unavailable.
  [[nodiscard]] virtual StoreResult<std::optional<StatusList>> find_status_list(
      std::uint64_t id) = 0;
  /// Deletes at most `max_rows` lists that are not live at `now`; how many went.
  [[nodiscard]] virtual StoreResult<std::size_t> sweep_status_lists(sys_seconds now,
                                                                    std::size_t max_rows) = 0;
};

/// Opaque access tokens, found by the digest of their handle. Nothing of it is told in `change`.
class ReferenceTokenStore {
 public:
  virtual ~ReferenceTokenStore() = default;

  /// All or none, in one transaction; durable when it returns. Errors: limit (a digest that is
  /// there already), unavailable.
  [[nodiscard]] virtual StoreResult<void> put_reference_tokens(
      std::span<const ReferenceToken> tokens) = 0;
  /// Also one that has expired, until it is swept.
  [[nodiscard]] virtual StoreResult<std::optional<ReferenceToken>> find_reference_token(
      const Digest& digest) = 0;
  /// Deletes at most `max_rows` of those whose expires_at is not after `now`, found by an index,
  /// the oldest first; how many went.
  [[nodiscard]] virtual StoreResult<std::size_t> sweep_reference_tokens(sys_seconds now,
                                                                        std::size_t max_rows) = 0;
};

class ChangeStore {
 public:
  virtual ~ChangeStore() = default;

  /// The newest seq; 0 where nothing ever changed.
  [[nodiscard]] virtual StoreResult<std::int64_t> newest_change() = 0;

  struct Page {
    std::vector<Change> changes{};  // ascending
    /// Rows behind `after` were swept already, `after` is newer than the newest row, or the
    /// database was replaced by another (told once): the reader must load everything anew.
    bool gap{false};
  };
  /// Rows with seq > `after`, at most `max_rows`.
  [[nodiscard]] virtual StoreResult<Page> changes_after(std::int64_t after,
                                                        std::size_t max_rows) = 0;
  /// Deletes the oldest rows, up to the first that is not older than `before`, at most `max_rows`,
  /// never the newest; how many went. No hole ever comes to be behind the oldest row.
  [[nodiscard]] virtual StoreResult<std::size_t> sweep_changes(sys_seconds before,
                                                               std::size_t max_rows) = 0;
};

/// Whether the database answers, and what time it has.
class PulseStore {
 public:
  virtual ~PulseStore() = default;

  /// Whether it answers now; a cheap read. Errors: unavailable.
  [[nodiscard]] virtual StoreResult<void> ping() = 0;
  /// The database's own clock; absent where it has none. Errors: unavailable.
  [[nodiscard]] virtual StoreResult<std::optional<WallTime>> clock() = 0;
};

/// One backend with all its concerns, for the wiring alone: components take the interface they
/// need.
class Storage : public ClientStore,
                public PepperStore,
                public RevocationStore,
                public RevocationFeedStore,
                public KeyStore,
                public StatusListStore,
                public ReferenceTokenStore,
                public ChangeStore,
                public PulseStore {
 public:
  /// What an operator should know of how safely this database keeps what it acknowledged, and of
  /// how it is reached: sentences; none where all is well. Errors: unavailable.
  [[nodiscard]] virtual StoreResult<std::vector<std::string>> warnings() = 0;

  /// Those that this binary has for this backend, ascending.
  [[nodiscard]] virtual std::span<const Migration> known_migrations() const = 0;
  /// What stands in `schema_migration`; empty for a new database. Errors: unavailable.
  [[nodiscard]] virtual StoreResult<std::vector<AppliedMigration>> applied_migrations() = 0;
  /// Applies each in a transaction of its own together with its row; one that another process
  /// applied meanwhile is passed over. Errors: unavailable.
  [[nodiscard]] virtual StoreResult<void> apply(const std::vector<Migration>& migrations,
                                                sys_seconds now) = 0;
};

}  // namespace grantd::storage
