#include "server/clients/peppers.h"

#include <algorithm>
#include <cstring>
#include <system_error>

#include "server/base/files.h"
#include "server/base/text.h"
#include "server/jose/mac.h"

namespace grantd::clients {
namespace {

constexpr std::size_t max_pepper_file_bytes = 16 * 1024;
constexpr std::size_t pepper_digits = pepper_bytes * 2;
constexpr std::size_t pepper_id_digits = 12;

// Different messages under the same key, so that neither the id nor the check value is ever the
// digest of a secret.
constexpr std::string_view id_message = "grantd pepper id";
constexpr std::string_view check_message = "grantd pepper check value";

bool decode_hex(std::string_view text, std::span<std::uint8_t> out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int high = hex_digit_value(text[2 * i]);
    const int low = hex_digit_value(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return true;
}

std::string hex_prefix(const storage::Digest& digest, std::size_t digits) {
  static constexpr std::string_view alphabet = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < digits / 2; ++i) {
    text += alphabet[digest[i] >> 4U];
    text += alphabet[digest[i] & 0xfU];
  }
  return text;
}

}  // namespace

Peppers::~Peppers() {
  for (auto& pepper : peppers_) explicit_bzero(pepper.key.data(), pepper.key.size());
}

Peppers& Peppers::operator=(Peppers&& other) noexcept {
  peppers_.swap(other.peppers_);  // the old ones are cleansed by the other's destructor
  return *this;
}

std::expected<Peppers, std::string> Peppers::parse(std::string_view content) {
  Peppers peppers;
  // Reserved whole: growing would leave copies of the keys behind.
  peppers.peppers_.reserve(max_peppers);
  for (std::size_t line_number = 1; !content.empty(); ++line_number) {
    const auto end = std::min(content.find('\n'), content.size());
    auto line = content.substr(0, end);
    content.remove_prefix(std::min(end + 1, content.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;

    const auto where = "line " + std::to_string(line_number) + " of the pepper file";
    if (peppers.peppers_.size() == max_peppers) {
      return std::unexpected(where + " is one too many, expected at most 64 peppers");
    }
    Pepper pepper;
    if (line.size() != pepper_digits || !decode_hex(line, pepper.key)) {
      return std::unexpected(where + " has " + std::to_string(line.size()) +
                             " characters that are no pepper, expected 64 hex digits");
    }
    pepper.id = hex_prefix(jose::hmac_sha256(pepper.key, id_message), pepper_id_digits);
    pepper.check = jose::hmac_sha256(pepper.key, check_message);
    peppers.peppers_.push_back(pepper);
    explicit_bzero(pepper.key.data(), pepper.key.size());
  }
  if (peppers.peppers_.empty()) {
    return std::unexpected("the pepper file holds no pepper, expected 64 hex digits a line");
  }
  return peppers;
}

std::expected<Peppers::Loaded, std::string> Peppers::load(const std::filesystem::path& file) {
  std::error_code error;
  if (!std::filesystem::exists(file, error)) {
    return std::unexpected(
        "storage.pepper_file: " + file.string() +
        " does not exist; make one with 'grantd init', or with 'openssl rand -hex 32 > FILE' and "
        "'chmod 600 FILE'; without the file that made them, the stored secrets are lost");
  }
  auto content = read_private_file(file, max_pepper_file_bytes);
  if (!content) return std::unexpected("storage.pepper_file: " + content.error());
  auto peppers = parse(content->content.view());
  if (!peppers) {
    return std::unexpected("storage.pepper_file: " + file.string() + ": " + peppers.error());
  }
  return Loaded{std::move(*peppers), std::move(content->warning)};
}

SecretString Peppers::generate_line(Random& random) {
  std::string line;
  line.reserve(pepper_digits + 1);
  auto digits = random_hex(random, pepper_bytes);
  line.append(digits).append("\n");
  cleanse(digits);
  return SecretString(std::move(line));
}

storage::PepperCheck Peppers::current() const {
  return {peppers_.front().id, peppers_.front().check};
}

storage::Digest Peppers::digest_with_current(std::string_view secret) const {
  return jose::hmac_sha256(peppers_.front().key, secret);
}

std::optional<storage::Digest> Peppers::digest(std::string_view pepper_id,
                                               std::string_view secret) const {
  const auto found = std::ranges::find(peppers_, pepper_id, &Pepper::id);
  if (found == peppers_.end()) return std::nullopt;
  return jose::hmac_sha256(found->key, secret);
}

std::expected<void, std::string> Peppers::covers(
    std::span<const storage::PepperCheck> in_use) const {
  std::string missing;
  for (const auto& used : in_use) {
    const auto found = std::ranges::find(peppers_, used.pepper_id, &Pepper::id);
    if (found != peppers_.end() && jose::equal_in_constant_time(found->check, used.check)) continue;
    missing += (missing.empty() ? "" : ", ") + used.pepper_id;
  }
  if (missing.empty()) return {};
  return std::unexpected("the pepper file lacks the pepper " + missing +
                         " that stored secrets need ('grantd secret list' shows which); put its "
                         "line back");
}

}  // namespace grantd::clients
