/// Private signing keys, encrypted for the database under keys that stand outside it
/// (`keys.wrapping_key_file`).
///
/// The file holds one key a line, 64 hex digits: the first wraps, all unwrap. Each has an id
/// derived from it, so that a file that lacks a line in use is noticed by name. What is wrapped is
/// bound to its kid and to the id: moved to another row it does not open. Immutable and
/// thread-safe; cleansed. Errors are sentences without key material.
#pragma once

#include <cstddef>
#include <expected>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/random.h"
#include "server/jose/aes.h"
#include "server/jose/rsa_key.h"
#include "storage/stores.h"

namespace grantd::keys {

using WrappedKey = storage::KeyStore::WrappedKey;

/// More than the largest RSA key needs, wrapped.
inline constexpr std::size_t max_wrapped_bytes = jose::max_pem_bytes;

class WrappingKeys {
 public:
  /// Error: a sentence that names the line and what is expected.
  [[nodiscard]] static std::expected<WrappingKeys, std::string> parse(std::string_view content);

  struct Loaded;
  /// Reads the file, which others must not be able to read; missing: a sentence that says how to
  /// make one.
  [[nodiscard]] static std::expected<Loaded, std::string> load(const std::filesystem::path& file);

  /// The id of the key that wraps.
  [[nodiscard]] const std::string& current() const { return keys_.front().id; }
  /// Whether a line has that id.
  [[nodiscard]] bool holds(std::string_view wrapping_key_id) const;

  /// Under the first line.
  [[nodiscard]] WrappedKey wrap(const jose::RsaPrivateKey& key, Random& random) const;

  struct Fault {
    /// No line has the id: whoever has it can unwrap. Else nobody can.
    bool lacks_line{false};
    std::string detail{};
  };
  /// The key whose kid the row bears, and no other.
  [[nodiscard]] std::expected<std::shared_ptr<const jose::RsaPrivateKey>, Fault> unwrap(
      const WrappedKey& row) const;

  /// Error: names the wrapping keys that the database uses and the file lacks.
  [[nodiscard]] std::expected<void, std::string> covers(std::span<const WrappedKey> in_use) const;

 private:
  struct Key {
    std::string id{};
    std::unique_ptr<const jose::Aes256Key> aes{};
  };
  WrappingKeys() = default;
  std::vector<Key> keys_;
};

struct WrappingKeys::Loaded {
  WrappingKeys keys;
  std::optional<std::string> warning{};
};

/// How many private keys are wrapped under each wrapping key, by its id.
[[nodiscard]] std::map<std::string, std::size_t> wrapping_keys_in_use(
    std::span<const WrappedKey> wrapped);

}  // namespace grantd::keys
