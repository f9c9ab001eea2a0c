#include "token_source.h"

#include <openssl/evp.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "settings.h"
#include "verifier.h"

namespace example {
namespace {

std::string form_encoded(std::string_view text) {
  constexpr std::string_view plain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._";
  constexpr std::string_view hex = "0123456789ABCDEF";
  std::string encoded;
  for (const char character : text) {
    const auto octet = static_cast<unsigned char>(character);
    if (plain.contains(character)) {
      encoded += character;
    } else {
      encoded += '%';
      encoded += hex[octet >> 4U];
      encoded += hex[octet & 15U];
    }
  }
  return encoded;
}

std::string parameter(const char* name, std::string_view value) {
  return std::string("&") + name + "=" + form_encoded(value);
}

}  // namespace

std::string basic_credentials(const std::string& client_id, const std::string& secret_file) {
  const std::string pair = form_encoded(client_id) + ":" + form_encoded(read_file(secret_file));
  std::string encoded((pair.size() + 2) / 3 * 4 + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded.data()),
                                   reinterpret_cast<const unsigned char*>(pair.data()),
                                   static_cast<int>(pair.size()));
  encoded.resize(static_cast<std::size_t>(size));
  return "Basic " + encoded;
}

TokenEndpoint::TokenEndpoint(HttpsClient& client, std::string url, std::string client_id,
                             std::string secret_file)
    : client_(client),
      url_(std::move(url)),
      client_id_(std::move(client_id)),
      secret_file_(std::move(secret_file)) {}

Token TokenEndpoint::client_credentials(const std::string& audience,
                                        const std::string& scope) const {
  return request("grant_type=client_credentials" + parameter("resource", audience) +
                 parameter("scope", scope));
}

Token TokenEndpoint::exchange(const std::string& subject_token, const std::string& audience,
                              const std::string& scope) const {
  return request("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange" +
                 parameter("subject_token_type", "urn:ietf:params:oauth:token-type:access_token") +
                 parameter("subject_token", subject_token) + parameter("resource", audience) +
                 parameter("scope", scope));
}

Token TokenEndpoint::request(const std::string& form) const {
  Call call;
  call.method = "POST";
  call.url = url_;
  call.headers["authorization"] = basic_credentials(client_id_, secret_file_);
  call.headers["content-type"] = "application/x-www-form-urlencoded";
  call.body = form;
  const auto asked = std::chrono::steady_clock::now();
  const Answer answer = client_.send(call);
  const auto document = parse_json(answer.body);
  if (answer.status >= 500 || !document || !document->is_object())
    throw Unreachable("token endpoint: status " + std::to_string(answer.status), false);
  if (answer.status != 200) throw TokenRefused(document->value("error", "unknown"));
  Token token;
  token.value = document->at("access_token").get<std::string>();
  token.lifetime = std::chrono::seconds(document->at("expires_in").get<std::int64_t>());
  token.expires_at = asked + token.lifetime;
  return token;
}

std::string TokenCache::get(const std::string& key, const Fetch& fetch) {
  std::unique_lock lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (!entries_.contains(key) && entries_.size() >= max_entries) make_room(now);
  // Found anew after each wait: another caller may have dropped the entry.
  const auto good = [&](const Entry& entry) { return entry.token.expires_at > now; };
  const auto due = [&](const Entry& entry) {
    return entry.token.expires_at - now <= std::min(entry.token.lifetime / 5, renew_before);
  };
  const bool answered = fetched_.wait_for(lock, wait_limit, [&] {
    const Entry& entry = entries_[key];
    return good(entry) || !entry.fetching;
  });
  if (!answered) throw Unreachable("token is still being fetched", true);
  Entry& entry = entries_[key];
  if (good(entry) && (!due(entry) || entry.fetching)) return entry.token.value;
  entry.fetching = true;
  const std::string old = good(entry) ? entry.token.value : std::string();
  lock.unlock();
  Token token;
  std::exception_ptr failure;
  try {
    token = fetch();
  } catch (...) {
    failure = std::current_exception();
  }
  lock.lock();
  Entry& result = entries_[key];
  result.fetching = false;
  if (!failure) result.token = token;
  if (failure && old.empty()) entries_.erase(key);
  fetched_.notify_all();
  if (!failure) return token.value;
  if (!old.empty()) return old;
  std::rethrow_exception(failure);
}

void TokenCache::drop(const std::string& key, const std::string& token) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(key);
  if (found != entries_.end() && found->second.token.value == token) found->second.token = {};
}

void TokenCache::make_room(std::chrono::steady_clock::time_point now) {
  std::erase_if(entries_, [&](const auto& entry) {
    return !entry.second.fetching && entry.second.token.expires_at <= now;
  });
  for (auto entry = entries_.begin(); entry != entries_.end() && entries_.size() >= max_entries;)
    entry = entry->second.fetching ? std::next(entry) : entries_.erase(entry);
}

}  // namespace example
