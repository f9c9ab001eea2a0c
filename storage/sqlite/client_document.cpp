#include "storage/sqlite/client_document.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace grantd::storage::sqlite {
namespace {

struct Element {
  char tag{};
  std::optional<std::int64_t> number{};
  std::string_view octets{};
};

/// The number before the next ':', if there is one; both are taken off. False where anything else
/// is there.
bool take_number(std::string_view& rest, std::optional<std::int64_t>& number) {
  const char* const end = rest.data() + rest.size();
  std::int64_t value = 0;
  const auto [stopped, error] = std::from_chars(rest.data(), end, value);
  if (error == std::errc()) number = value;
  if (error == std::errc::result_out_of_range) return false;
  if (stopped == end || *stopped != ':') return false;
  rest.remove_prefix(static_cast<std::size_t>(stopped - rest.data()) + 1);
  return true;
}

std::optional<Element> take_element(std::string_view& rest) {
  Element element;
  element.tag = rest.front();
  rest.remove_prefix(1);
  std::optional<std::int64_t> length;
  if (!take_number(rest, element.number) || !take_number(rest, length)) return std::nullopt;
  if (!length || *length < 0 || static_cast<std::uint64_t>(*length) > rest.size()) {
    return std::nullopt;
  }
  element.octets = rest.substr(0, static_cast<std::size_t>(*length));
  rest.remove_prefix(element.octets.size());
  return element;
}

bool decode_digest(std::string_view hex, Digest& digest) {
  constexpr std::size_t digits_an_octet = 2;
  if (hex.size() != digest.size() * digits_an_octet) return false;
  for (std::size_t i = 0; i < digest.size(); ++i) {
    const char* const digits = hex.data() + i * digits_an_octet;
    const char* const end = digits + digits_an_octet;
    if (std::from_chars(digits, end, digest[i], 16).ptr != end) return false;
  }
  return true;
}

/// Reads one document; each function says whether the element may stand where it does.
class Reader {
 public:
  explicit Reader(ClientWithSecrets& client) : client_(client) {}

  bool add(const Element& element) {
    auto& record = client_.client;
    switch (element.tag) {
      case 's':
        return append(record.scopes, element);
      case 'a':
        return append(record.audiences, element);
      case 'd':
        return add_default(element);
      case 'r':
        return append(record.serves, element);
      case 'A':
        return append(record.exchange.audiences, element);
      case 'S':
        return append(record.exchange.scopes, element);
      case 'I':
        return append(record.exchange.issuers, element);
      case 'n':
        claim_ = element.octets;
        return true;
      case 'v':
        return record.claims.emplace(claim_, element.octets).second;
      default:
        return add_to_secret(element);
    }
  }

  void finish() {
    std::ranges::sort(defaults_);
    for (const auto& [place, audience] : defaults_) {
      client_.client.default_audiences.push_back(client_.client.audiences[audience]);
    }
    std::ranges::sort(client_.secrets, {}, [](const SecretRecord& secret) {
      return std::pair(secret.created_at, std::string_view(secret.secret_id));
    });
  }

 private:
  // They stand at 0, 1, 2, …: the order in which SQL gathered them is not taken on trust.
  static bool append(std::vector<std::string>& list, const Element& element) {
    if (element.number != static_cast<std::int64_t>(list.size())) return false;
    list.emplace_back(element.octets);
    return true;
  }

  bool add_default(const Element& element) {
    if (!element.number || client_.client.audiences.empty()) return false;
    defaults_.emplace_back(*element.number, client_.client.audiences.size() - 1);
    return true;
  }

  bool add_to_secret(const Element& element) {
    if (element.tag == 'k') {
      if (!element.number) return false;
      auto& secret = client_.secrets.emplace_back();
      secret.secret_id = element.octets;
      secret.created_at = sys_seconds{std::chrono::seconds{*element.number}};
      return true;
    }
    if (client_.secrets.empty()) return false;
    auto& secret = client_.secrets.back();
    if (element.tag == 'p') {
      secret.pepper_id = element.octets;
      secret.imported = element.number == 1;
      return true;
    }
    if (element.tag != 'h') return false;
    if (element.number) secret.expires_at = sys_seconds{std::chrono::seconds{*element.number}};
    return decode_digest(element.octets, secret.digest);
  }

  ClientWithSecrets& client_;
  std::string_view claim_;
  std::vector<std::pair<std::int64_t, std::size_t>> defaults_;  // place, index in audiences
};

}  // namespace

bool read_document(std::string_view document, ClientWithSecrets& client) {
  Reader reader(client);
  while (!document.empty()) {
    const auto element = take_element(document);
    if (!element || !reader.add(*element)) return false;
  }
  reader.finish();
  return true;
}

}  // namespace grantd::storage::sqlite
