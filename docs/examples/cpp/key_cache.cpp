#include "key_cache.h"

#include <condition_variable>
#include <utility>

#include "settings.h"

namespace example {

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
  {
    const std::lock_guard lock(mutex_);
    const auto now = std::chrono::steady_clock::now();
    if (tried_ && now - *tried_ < cool_down) return nullptr;
  }
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
    std::unique_lock lock(idle);
    const std::chrono::seconds pause = loaded() ? refresh_every : retry_every;
    never.wait_for(lock, stop, pause, [] { return false; });
  }
}

void KeyCache::fetch() {
  std::optional<KeysByKid> keys;
  try {
    Call call;
    call.url = url_;
    const Answer answer = client_.send(call);
    if (answer.status == 200) keys = parse_jwk_set(answer.body);
  } catch (const Unreachable& fault) {
    log_line(std::string("jwks: ") + fault.what());
  }
  const std::lock_guard lock(mutex_);
  tried_ = std::chrono::steady_clock::now();
  if (keys && !keys->empty()) keys_ = *std::move(keys);
}

}  // namespace example
