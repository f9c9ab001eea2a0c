/// What a client's registration may hold, checked before it is stored. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "storage/records.h"

namespace grantd::clients {

inline constexpr std::size_t max_client_id_length = 255;
inline constexpr std::size_t max_name_bytes = 255;
inline constexpr std::size_t max_label_bytes = 255;
inline constexpr std::size_t max_registered_audiences = 64;
inline constexpr std::uint32_t max_exchange_depth = 16;

/// 1 to 255 visible ASCII characters and inner spaces, no leading '-'.
[[nodiscard]] bool is_client_id(std::string_view text);

/// Every fault of the record in words: what was found, what is expected; empty where it is sound.
/// `max_lifetime`: tokens.max_lifetime, which bounds the client's own lifetime.
[[nodiscard]] std::vector<std::string> faults(const storage::ClientRecord& client,
                                              std::chrono::seconds max_lifetime);

/// The fault of a label or a name: longer than allowed, control characters, no UTF-8.
[[nodiscard]] std::vector<std::string> faults_of_text(std::string_view what, std::string_view text,
                                                      std::size_t max_bytes);

/// Whether `secret_id` may go: another valid secret was used, and this one was not for
/// `unused_for`.
[[nodiscard]] bool safe_to_remove(const std::vector<storage::SecretRecord>& secrets,
                                  std::string_view secret_id, sys_seconds now);
inline constexpr std::chrono::days unused_for{7};

/// Whether it can still authenticate at `now`.
[[nodiscard]] bool is_valid(const storage::SecretRecord& secret, sys_seconds now);

}  // namespace grantd::clients
