#include "key_cache.h"

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <utility>

#include "settings.h"

namespace example {
namespace {

/// Of `Cache-Control: public, max-age=300` (RFC 9111 §5.2.2.1); at least a second.
std::optional<std::chrono::seconds> max_age_of(std::string_view cache_control) {
  constexpr std::string_view name = "max-age=";
  const auto at = cache_control.find(name);
  if (at == std::string_view::npos) return std::nullopt;
  const auto digits = cache_control.substr(at + name.size());
  int seconds = 0;
  const auto [rest, error] = std::from_chars(digits.data(), digits.data() + digits.size(), seconds);
  if (error != std::errc{}) return std::nullopt;
  return std::chrono::seconds(std::max(seconds, 1));
}

}  // namespace

KeyCache::KeyCache(HttpsClient& client, std::string jwks_url)
    : client_(client), url_(std::move(jwks_url)) {}

bool KeyCache::loaded() {
  const std::lock_guard lock(mutex_);
  return !keys_.empty();
}

PublicKey KeyCache::find(const std::string& kid) {
  const auto known = [&]() -> PublicKey {
    const std::lock_guard lock(mutex_);
    const auto found = keys_.find(kid);
    return found == keys_.end() ? nullptr : found->second;
  };
  if (auto key = known()) return key;
  const std::lock_guard one_at_a_time(fetching_);
  if (auto key = known()) return key;  // another thread has fetched it while this one waited
  const auto now = std::chrono::steady_clock::now();
  if (asked_ && now - *asked_ < cool_down) return nullptr;
  asked_ = now;
  fetch();
  return known();
}

void KeyCache::run(const std::stop_token& stop) {
  std::mutex idle;
  std::condition_variable_any never;
  while (!stop.stop_requested()) {
    {
      const std::lock_guard one_at_a_time(fetching_);
      fetch();
    }
    const std::chrono::seconds pause = loaded() ? max_age() : retry_every;
    std::unique_lock lock(idle);
    never.wait_for(lock, stop, pause, [] { return false; });
  }
}

std::chrono::seconds KeyCache::max_age() {
  const std::lock_guard lock(mutex_);
  return max_age_;
}

void KeyCache::fetch() {
  std::optional<KeysByKid> keys;
  std::chrono::seconds age = usual_age;
  try {
    Call call;
    call.url = url_;
    const Answer answer = client_.send(call);
    if (answer.status == 200) keys = parse_jwk_set(answer.body);
    const auto control = answer.headers.find("cache-control");
    if (control != answer.headers.end()) age = max_age_of(control->second).value_or(age);
  } catch (const Unreachable& fault) {
    log_line(std::string("jwks: ") + fault.what());
  }
  const std::lock_guard lock(mutex_);
  if (!keys || keys->empty()) return;
  keys_ = *std::move(keys);
  max_age_ = age;
}

}  // namespace example
