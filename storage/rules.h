/// What every backend does in the same way around its statements: rules that no schema can say, and
/// the sentences of refusals. Pure. For the backends alone.
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

#include "storage/stores.h"

namespace grantd::storage {

[[nodiscard]] std::unexpected<StoreError> client_not_found(std::string_view id);
[[nodiscard]] std::unexpected<StoreError> client_exists(std::string_view id);
[[nodiscard]] std::unexpected<StoreError> secret_exists(std::string_view secret_id);
[[nodiscard]] std::unexpected<StoreError> pepper_exists(std::string_view pepper_id);

/// Where `wanted` stands in `list`.
[[nodiscard]] std::optional<std::int64_t> position_in(const std::vector<std::string>& list,
                                                      std::string_view wanted);

/// No list names a value twice, and the default audiences are among the audiences. Errors: limit.
[[nodiscard]] StoreResult<void> check_lists(const ClientRecord& client);
/// What `edit` makes of the record, but for what it must not touch. Errors: limit.
[[nodiscard]] StoreResult<ClientRecord> edited(const ClientRecord& before,
                                               const std::function<void(ClientRecord&)>& edit,
                                               sys_seconds now);
/// Errors: limit.
[[nodiscard]] StoreResult<void> check_room_for_secret(const ClientWithSecrets& client);
/// Errors: not_found (the secret), refused.
[[nodiscard]] StoreResult<void> check_removal(
    const ClientWithSecrets& client, std::string_view secret_id,
    const std::function<std::expected<void, std::string>(const ClientWithSecrets&)>& decide);

/// By which the keys of one update are sorted before they are written: those that leave make room
/// for the one that begins to sign, and that one for the next standby. Schemas may demand that at
/// most one signs and one waits, and look at every statement.
[[nodiscard]] int order_of_writing(const KeyRecord& key);

/// A group as it is written: each jti once, where it stood first, with the latest of its expiries.
[[nodiscard]] std::vector<PendingRevocation> each_jti_once(
    std::span<const PendingRevocation> group);

/// The `id` of a secret's changes.
[[nodiscard]] std::string change_id(std::string_view client_id, std::string_view secret_id);
[[nodiscard]] ChangeKind kind_of(const NotBefore& not_before);

/// Whether a reader that has seen everything up to `after` missed something. `newest`: the counter;
/// `oldest`: of the rows that are left, if any is.
[[nodiscard]] bool is_gap(std::int64_t after, std::int64_t newest,
                          std::optional<std::int64_t> oldest);

/// Gathers an answer of the revocation feed: entries in the order of their seq, until it is full.
class NewsBuilder {
 public:
  NewsBuilder(std::optional<std::int64_t> since, std::int64_t newest, std::size_t max_entries);

  /// Behind which the entries and compromised keys are asked for.
  [[nodiscard]] std::int64_t after() const { return after_; }
  /// False where the answer is full: nothing that follows belongs into it.
  [[nodiscard]] bool take(std::int64_t seq, Revocation revocation);
  [[nodiscard]] bool take(std::int64_t seq, NotBefore not_before);
  void compromised(std::string kid, std::int64_t seq);
  [[nodiscard]] RevocationFeedStore::News finish();

 private:
  [[nodiscard]] bool has_room(std::int64_t seq);

  RevocationFeedStore::News news_{};
  std::int64_t newest_;
  std::int64_t after_;
  std::size_t max_entries_;
  std::int64_t last_{0};  // of the last entry that was taken; 0 where there was none
};

}  // namespace grantd::storage
