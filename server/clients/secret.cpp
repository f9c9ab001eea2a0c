#include "server/clients/secret.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "server/jose/base64url.h"

namespace grantd::clients {
namespace {

constexpr std::string_view prefix = "gds_";
constexpr std::string_view id_alphabet = "abcdefghijklmnopqrstuvwxyz0123456789";
constexpr std::size_t secret_bytes = 32;
constexpr std::size_t encoded_length = 43;  // 32 octets as base64url without padding

bool is_base64url(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

}  // namespace

std::string generate_secret_id(Random& random) {
  return random_text(random, secret_id_length, id_alphabet);
}

GeneratedSecret generate_secret(Random& random) {
  std::array<std::byte, secret_bytes> bytes{};
  random.fill(bytes);
  std::string raw(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  std::ranges::fill(bytes, std::byte{0});

  GeneratedSecret generated;
  generated.secret_id = generate_secret_id(random);
  std::string text;
  // Reserved in one go: growing would leave copies of the secret behind.
  text.reserve(prefix.size() + secret_id_length + 1 + encoded_length);
  text.append(prefix).append(generated.secret_id).append("_");
  jose::append_base64url(text, raw);
  cleanse(raw);
  generated.text = SecretString(std::move(text));
  return generated;
}

bool is_secret_id(std::string_view text) {
  return text.size() == secret_id_length && std::ranges::all_of(text, [](char c) {
           return id_alphabet.find(c) != std::string_view::npos;
         });
}

std::optional<std::string_view> secret_id_in(std::string_view secret) {
  if (secret.size() != prefix.size() + secret_id_length + 1 + encoded_length ||
      !secret.starts_with(prefix)) {
    return std::nullopt;
  }
  const auto id = secret.substr(prefix.size(), secret_id_length);
  const auto rest = secret.substr(prefix.size() + secret_id_length);
  if (!is_secret_id(id) || rest.front() != '_' ||
      !std::ranges::all_of(rest.substr(1), is_base64url)) {
    return std::nullopt;
  }
  return id;
}

std::optional<std::string> fault_of_imported_secret(std::string_view secret) {
  if (secret.size() < min_imported_secret_length || secret.size() > max_imported_secret_length) {
    return "the secret has " + std::to_string(secret.size()) +
           " characters, expected 32 to 255: a shorter one can be guessed";
  }
  if (!std::ranges::all_of(secret, [](char c) { return c > ' ' && c < '\x7f'; })) {
    return "the secret has a space, a control character or one beyond ASCII, expected visible "
           "ASCII alone";
  }
  return std::nullopt;
}

std::string_view without_final_newline(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

}  // namespace grantd::clients
