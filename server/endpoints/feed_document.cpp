#include "server/endpoints/feed_document.h"

#include <utility>

#include "server/base/text.h"

namespace grantd::endpoints {
namespace {

using News = storage::RevocationFeedStore::News;

/// Of one revocation: 32 digits, quotes, a time.
constexpr std::size_t bytes_an_entry = 64;

void append_time(std::string& out, sys_seconds time) {
  out += std::to_string(time.time_since_epoch().count());
}

void append_flag(std::string& out, std::string_view name, bool value) {
  out.append(",\"").append(name).append(value ? "\":true" : "\":false");
}

void append_times(std::string& out, const storage::NotBefore& entry) {
  out.append(R"({"iat":)");
  append_time(out, entry.at);
  out.append(R"(,"exp":)");
  append_time(out, entry.expires_at);
  out += '}';
}

void append_revoked(std::string& out, const std::vector<storage::Revocation>& revocations) {
  out.append(R"(,"revoked":{)");
  for (bool first = true; const auto& each : revocations) {
    if (!std::exchange(first, false)) out += ',';
    append_json_string(out, each.jti);
    out += ':';
    append_time(out, each.expires_at);
  }
  out += '}';
}

/// That of all clients has a member of its own: no client id is empty, but a reader need not know.
void append_not_before(std::string& out, const std::vector<storage::NotBefore>& entries) {
  const storage::NotBefore* all = nullptr;
  out.append(R"(,"not_before":{)");
  for (bool first = true; const auto& each : entries) {
    if (each.client_id.empty()) {
      all = &each;
      continue;
    }
    if (!std::exchange(first, false)) out += ',';
    append_json_string(out, each.client_id);
    out += ':';
    append_times(out, each);
  }
  out += '}';
  if (all == nullptr) return;
  out.append(R"(,"not_before_all":)");
  append_times(out, *all);
}

void append_kids(std::string& out, const std::vector<std::string>& kids) {
  out.append(R"(,"kids":[)");
  for (bool first = true; const auto& kid : kids) {
    if (!std::exchange(first, false)) out += ',';
    append_json_string(out, kid);
  }
  out += ']';
}

}  // namespace

bool is_news(const News& news) {
  return news.full || news.kids_changed || !news.revocations.empty() || !news.not_before.empty();
}

std::string feed_claims(std::string_view issuer, std::int64_t since, const News& news,
                        sys_seconds read_at) {
  std::string out;
  out.reserve(512 + (news.revocations.size() + news.not_before.size()) * bytes_an_entry);
  out.append(R"({"iss":)");
  append_json_string(out, issuer);
  out.append(R"(,"iat":)");
  append_time(out, read_at);
  out.append(R"(,"seq":)").append(std::to_string(news.seq));
  out.append(R"(,"since":)").append(std::to_string(since));
  append_flag(out, "full", news.full);
  append_flag(out, "more", news.more);
  append_revoked(out, news.revocations);
  append_not_before(out, news.not_before);
  append_kids(out, news.compromised_kids);
  out += '}';
  return out;
}

}  // namespace grantd::endpoints
