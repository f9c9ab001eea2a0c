#include "server/clients/peppers.h"

#include <algorithm>
#include <system_error>

#include "server/base/files.h"
#include "server/jose/mac.h"

namespace grantd::clients {
namespace {

// Different messages under the same key, so that neither the id nor the check value is ever the
// digest of a secret.
constexpr std::string_view id_message = "grantd pepper id";
constexpr std::string_view check_message = "grantd pepper check value";

}  // namespace

std::expected<Peppers, std::string> Peppers::parse(std::string_view content) {
  auto lines = parse_key_lines(content, "pepper");
  if (!lines) return std::unexpected(std::move(lines.error()));
  Peppers peppers;
  for (auto& line : *lines) {
    auto id = key_line_id(jose::hmac_sha256(line.octets, id_message));
    const auto check = jose::hmac_sha256(line.octets, check_message);
    peppers.peppers_.push_back({std::move(id), std::move(line), check});
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
  auto content = read_private_file(file, max_key_lines_file_bytes);
  if (!content) return std::unexpected("storage.pepper_file: " + content.error());
  auto peppers = parse(content->content.view());
  if (!peppers) {
    return std::unexpected("storage.pepper_file: " + file.string() + ": " + peppers.error());
  }
  return Loaded{std::move(*peppers), std::move(content->warning)};
}

SecretString Peppers::generate_line(Random& random) { return generate_key_line(random); }

storage::PepperCheck Peppers::current() const {
  return {peppers_.front().id, peppers_.front().check};
}

storage::Digest Peppers::digest_with_current(std::string_view secret) const {
  return jose::hmac_sha256(peppers_.front().key.octets, secret);
}

std::optional<storage::Digest> Peppers::digest(std::string_view pepper_id,
                                               std::string_view secret) const {
  const auto found = std::ranges::find(peppers_, pepper_id, &Pepper::id);
  if (found == peppers_.end()) return std::nullopt;
  return jose::hmac_sha256(found->key.octets, secret);
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
