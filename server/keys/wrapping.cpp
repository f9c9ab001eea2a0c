#include "server/keys/wrapping.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "server/base/files.h"
#include "server/base/key_lines.h"
#include "server/base/secret.h"
#include "server/jose/mac.h"

namespace grantd::keys {
namespace {

// A line is a key of HMAC alone: what encrypts and the public id are derived from it, each under a
// message of its own.
constexpr std::string_view id_message = "grantd wrapping key id";
constexpr std::string_view aes_message = "grantd wrapping key AES-256-GCM";

// What is stored: the layout's version, the nonce, the ciphertext, the tag.
constexpr char layout_version = '\x01';
constexpr std::size_t nonce_octets = sizeof(jose::GcmNonce);
constexpr std::size_t overhead = 1 + nonce_octets + jose::gcm_tag_octets;

/// Neither id can hold the separator: one is base64url, the other hex.
std::string associated_data(const WrappedKey& row) {
  return "grantd wrapped key 1\n" + row.wrapping_key_id + "\n" + row.kid;
}

std::unexpected<WrappingKeys::Fault> unusable(const WrappedKey& row, std::string_view why) {
  return std::unexpected(WrappingKeys::Fault{
      false, "the private half of key " + row.kid + " in the database " + std::string(why)});
}

}  // namespace

std::expected<WrappingKeys, std::string> WrappingKeys::parse(std::string_view content) {
  const auto lines = parse_key_lines(content, "wrapping key");
  if (!lines) return std::unexpected(lines.error());
  WrappingKeys keys;
  for (const auto& line : *lines) {
    auto aes = std::make_unique<jose::Aes256Key>();
    aes->octets = jose::hmac_sha256(line.octets, aes_message);
    keys.keys_.push_back({key_line_id(jose::hmac_sha256(line.octets, id_message)), std::move(aes)});
  }
  return keys;
}

std::expected<WrappingKeys::Loaded, std::string> WrappingKeys::load(
    const std::filesystem::path& file) {
  const std::string setting = "keys.wrapping_key_file: ";
  std::error_code error;
  if (!std::filesystem::exists(file, error)) {
    return std::unexpected(
        setting + file.string() +
        " does not exist; make one with 'openssl rand -hex 32 > FILE' and 'chmod 600 FILE', and "
        "give the same one to every node; without the file that wrapped them, the signing keys in "
        "the database are lost");
  }
  auto content = read_private_file(file, max_key_lines_file_bytes);
  if (!content) return std::unexpected(setting + content.error());
  auto keys = parse(content->content.view());
  if (!keys) return std::unexpected(setting + file.string() + ": " + keys.error());
  return Loaded{std::move(*keys), std::move(content->warning)};
}

bool WrappingKeys::holds(std::string_view wrapping_key_id) const {
  return std::ranges::find(keys_, wrapping_key_id, &Key::id) != keys_.end();
}

WrappedKey WrappingKeys::wrap(const jose::RsaPrivateKey& key, Random& random) const {
  const Key& with = keys_.front();
  WrappedKey row{key.kid(), with.id, {}};
  jose::GcmNonce nonce{};
  random.fill(std::as_writable_bytes(std::span(nonce)));
  const auto der = key.to_der();
  const auto sealed = jose::seal_a256gcm(*with.aes, nonce, associated_data(row), der.view());
  row.wrapped += layout_version;
  row.wrapped.append(nonce.begin(), nonce.end()).append(sealed.ciphertext).append(sealed.tag);
  return row;
}

std::expected<std::shared_ptr<const jose::RsaPrivateKey>, WrappingKeys::Fault> WrappingKeys::unwrap(
    const WrappedKey& row) const {
  const auto with = std::ranges::find(keys_, row.wrapping_key_id, &Key::id);
  if (with == keys_.end()) {
    return std::unexpected(
        Fault{true, "key " + row.kid + " is wrapped under the wrapping key " + row.wrapping_key_id +
                        ", which keys.wrapping_key_file lacks; put its line back, and reload"});
  }
  const std::string_view octets(row.wrapped);
  if (octets.size() < overhead || octets.size() > max_wrapped_bytes) {
    return unusable(row, "has " + std::to_string(octets.size()) + " octets");
  }
  if (octets.front() != layout_version) {
    return unusable(row, "has a layout that this grantd does not know");
  }
  jose::GcmNonce nonce{};
  const auto nonce_text = octets.substr(1, nonce_octets);
  std::ranges::copy(nonce_text, nonce.begin());
  const auto ciphertext = octets.substr(1 + nonce_octets, octets.size() - overhead);
  const auto tag = octets.substr(octets.size() - jose::gcm_tag_octets);
  const auto der = jose::open_a256gcm(*with->aes, nonce, associated_data(row), ciphertext, tag);
  if (!der) return unusable(row, "was changed after it was wrapped, or belongs to another key");

  auto key = jose::RsaPrivateKey::from_der(der->view());
  if (!key) return unusable(row, "cannot be used: " + key.error());
  if ((*key)->kid() != row.kid) return unusable(row, "is that of key " + (*key)->kid());
  return std::move(*key);
}

std::expected<void, std::string> WrappingKeys::covers(std::span<const WrappedKey> in_use) const {
  std::string missing;
  for (const auto& [id, count] : wrapping_keys_in_use(in_use)) {
    if (holds(id)) continue;
    missing += (missing.empty() ? "" : ", ") + id + " (" + std::to_string(count) +
               (count == 1 ? " key)" : " keys)");
  }
  if (missing.empty()) return {};
  return std::unexpected("the wrapping key file lacks the wrapping key " + missing +
                         " that signing keys in the database need ('grantd key list' shows which); "
                         "put its line back, and take it out only behind 'grantd key rewrap'");
}

std::map<std::string, std::size_t> wrapping_keys_in_use(std::span<const WrappedKey> wrapped) {
  std::map<std::string, std::size_t> in_use;
  for (const auto& row : wrapped) ++in_use[row.wrapping_key_id];
  return in_use;
}

}  // namespace grantd::keys
