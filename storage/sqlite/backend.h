/// The store interfaces over one Database, split over sqlite_*.cpp by concern.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "storage/sqlite/database.h"
#include "storage/sqlite/sqlite_storage.h"

namespace grantd::storage::sqlite {

class Backend final : public SqliteStorage {
 public:
  explicit Backend(std::unique_ptr<Database> database) : database_(std::move(database)) {}

  StoreResult<void> ping() override;
  StoreResult<std::optional<WallTime>> clock() override { return std::nullopt; }
  StoreResult<std::vector<std::string>> warnings() override { return std::vector<std::string>{}; }
  std::span<const Migration> known_migrations() const override { return sqlite_migrations(); }
  StoreResult<std::vector<AppliedMigration>> applied_migrations() override;
  StoreResult<void> apply(const std::vector<Migration>& migrations, sys_seconds now) override;
  std::expected<void, std::string> backup_to(const std::filesystem::path& target) override;
  StoreResult<void> export_tables(const std::function<void(const Table&, Row)>& each) override;

  StoreResult<ClientWithSecrets> find_client(std::string_view id) override;
  std::optional<StoreResult<ClientWithSecrets>> find_client_at_once(std::string_view id) override;
  StoreResult<std::vector<ClientRecord>> list_clients() override;
  StoreResult<void> create_client(const ClientRecord& client, const SecretRecord& secret,
                                  std::string_view actor) override;
  StoreResult<ClientRecord> update_client(std::string_view id,
                                          const std::function<void(ClientRecord&)>& edit,
                                          sys_seconds now, std::string_view actor) override;
  StoreResult<void> disable_client(const NotBefore& not_before, std::string_view actor) override;
  StoreResult<void> enable_client(std::string_view id, sys_seconds now,
                                  std::string_view actor) override;
  StoreResult<void> delete_client(const NotBefore& not_before, std::string_view actor) override;

  StoreResult<void> add_secret(std::string_view client_id, const SecretRecord& secret,
                               std::string_view actor) override;
  StoreResult<void> remove_secret(
      std::string_view client_id, std::string_view secret_id,
      const std::function<std::expected<void, std::string>(const ClientWithSecrets&)>& decide,
      sys_seconds now, std::string_view actor) override;
  StoreResult<void> record_secret_uses(const std::vector<SecretUse>& uses) override;

  StoreResult<std::vector<PepperCheck>> peppers_in_use() override;
  StoreResult<void> register_pepper(const PepperCheck& pepper, sys_seconds now) override;

  StoreResult<void> revoke_all(std::span<const PendingRevocation> group) override;
  StoreResult<void> set_not_before(const NotBefore& not_before, std::string_view actor) override;
  StoreResult<void> load_revocations(sys_seconds now,
                                     const std::function<void(const Revocation&)>& each) override;
  StoreResult<std::size_t> count_revocations() override;
  StoreResult<std::vector<NotBefore>> load_not_before(sys_seconds now) override;
  StoreResult<std::optional<Revocation>> find_revocation(std::string_view jti) override;
  StoreResult<std::size_t> sweep_revocations(sys_seconds now, std::size_t max_rows) override;

  StoreResult<News> revocation_news(std::optional<std::int64_t> since, sys_seconds now,
                                    std::size_t max_entries) override;

  StoreResult<std::vector<KeyRecord>> load_keys() override;
  StoreResult<std::vector<WrappedKey>> load_wrapped_keys() override;
  StoreResult<std::vector<KeyRecord>> update_keys(
      const std::function<std::expected<Update, std::string>(const std::vector<KeyRecord>&)>&
          decide,
      sys_seconds now, std::string_view actor) override;

  StoreResult<StatusBlock> reserve_status_block(sys_seconds expires_at, std::uint32_t capacity,
                                                std::uint32_t count) override;
  StoreResult<std::vector<StatusList>> live_status_lists(sys_seconds now) override;
  StoreResult<std::optional<StatusList>> find_status_list(std::uint64_t id) override;
  StoreResult<std::size_t> sweep_status_lists(sys_seconds now, std::size_t max_rows) override;

  StoreResult<void> put_reference_tokens(std::span<const ReferenceToken> tokens) override;
  StoreResult<std::optional<ReferenceToken>> find_reference_token(const Digest& digest) override;
  StoreResult<std::size_t> sweep_reference_tokens(sys_seconds now, std::size_t max_rows) override;

  StoreResult<std::int64_t> newest_change() override;
  StoreResult<Page> changes_after(std::int64_t after, std::size_t max_rows) override;
  StoreResult<std::size_t> sweep_changes(sys_seconds before, std::size_t max_rows) override;

 private:
  std::unique_ptr<Database> database_;
};

/// What several concerns need, each inside the caller's transaction; they throw Failure.

/// The seq of the newest change; 0 where nothing ever changed.
[[nodiscard]] std::int64_t newest_seq(Connection& connection);
/// Inside a write: `seq` is above it, and each number in between is a change's.
void set_newest_seq(Connection& connection, std::int64_t seq);
/// With the seq it bears, which the counter has reached when the transaction ends.
void put_change(Connection& connection, std::int64_t seq, ChangeKind kind, std::string_view id,
                sys_seconds at, std::string_view actor);
/// The seq that the change got.
std::int64_t append_change(Connection& connection, ChangeKind kind, std::string_view id,
                           sys_seconds at, std::string_view actor);
/// Keeps the later times; whether anything moved. What moved gets the seq of the change that the
/// caller appends next.
bool put_not_before(Connection& connection, const NotBefore& not_before);
/// Errors: not_found.
[[nodiscard]] StoreResult<ClientWithSecrets> load_client(Connection& connection,
                                                         std::string_view id);
[[nodiscard]] std::vector<SecretRecord> load_secrets(Connection& connection,
                                                     std::string_view client_id);

/// What storage/verbs.h calls.
[[nodiscard]] bool insert_client(Connection& connection, const ClientRecord& client);
/// All but its lists.
void replace_client(Connection& connection, const ClientRecord& client);
void insert_lists(Connection& connection, const ClientRecord& client);
void delete_lists(Connection& connection, std::string_view id);
[[nodiscard]] bool set_enabled(Connection& connection, std::string_view id, bool enabled,
                               sys_seconds now);
[[nodiscard]] bool delete_client_row(Connection& connection, std::string_view id);
[[nodiscard]] bool has_secret(Connection& connection, std::string_view secret_id);
void insert_secret(Connection& connection, std::string_view client_id, const SecretRecord& secret);
void delete_secret(Connection& connection, std::string_view secret_id);
[[nodiscard]] std::vector<KeyRecord> read_keys(Connection& connection);
void put_key(Connection& connection, const KeyRecord& key);
void put_wrapped_key(Connection& connection, const KeyStore::WrappedKey& key);
void delete_wrapped_key(Connection& connection, std::string_view kid);
void mark_compromised(Connection& connection, std::string_view kid, std::int64_t seq);

}  // namespace grantd::storage::sqlite
