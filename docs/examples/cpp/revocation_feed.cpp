#include "revocation_feed.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <random>
#include <utility>

#include "settings.h"
#include "token_source.h"

namespace example {

using nlohmann::json;

bool Revocations::apply(const json& document) {
  // Read everything first: a document that throws half-way changes nothing.
  std::vector<std::pair<std::string, std::int64_t>> jtis;
  std::vector<std::pair<std::string, NotBefore>> clients;
  std::vector<std::string> kids;
  NotBefore all;
  std::int64_t seq = 0;
  bool full = false;
  const auto not_before = [](const json& entry) {
    return NotBefore{entry.at("iat").get<std::int64_t>(), entry.at("exp").get<std::int64_t>()};
  };
  try {
    seq = document.at("seq").get<std::int64_t>();
    full = document.at("full").get<bool>();
    for (const auto& [jti, exp] : document.at("revoked").items())
      jtis.emplace_back(jti, exp.get<std::int64_t>());
    for (const auto& [id, entry] : document.at("not_before").items())
      clients.emplace_back(id, not_before(entry));
    if (document.contains("not_before_all")) all = not_before(document.at("not_before_all"));
    kids = document.at("kids").get<std::vector<std::string>>();
  } catch (const json::exception&) {
    return false;
  }
  const std::unique_lock lock(mutex_);
  if (full) {
    jtis_.clear();
    not_before_.clear();
    not_before_all_ = {};
  }
  for (auto& [jti, exp] : jtis) jtis_.insert_or_assign(std::move(jti), exp);
  for (auto& [id, entry] : clients) {
    NotBefore& known = not_before_[std::move(id)];
    known = {std::max(known.iat, entry.iat), std::max(known.exp, entry.exp)};
  }
  not_before_all_ = {std::max(not_before_all_.iat, all.iat),
                     std::max(not_before_all_.exp, all.exp)};
  kids_ = std::move(kids);
  cursor_ = seq;
  return true;
}

void Revocations::sweep(std::int64_t now_seconds) {
  const std::unique_lock lock(mutex_);
  std::erase_if(jtis_, [&](const auto& entry) { return entry.second <= now_seconds; });
  std::erase_if(not_before_, [&](const auto& entry) { return entry.second.exp <= now_seconds; });
}

bool Revocations::revoked(const Claims& claims) const {
  const std::shared_lock lock(mutex_);
  const auto before = [&](const std::string& id) {
    const auto found = not_before_.find(id);
    return found != not_before_.end() && claims.iat <= found->second.iat;
  };
  return jtis_.contains(claims.jti) ||
         (!claims.root_jti.empty() && jtis_.contains(claims.root_jti)) ||
         std::ranges::find(kids_, claims.kid) != kids_.end() || claims.iat <= not_before_all_.iat ||
         before(claims.client_id) || before(claims.sub) ||
         std::ranges::any_of(claims.actors, before);
}

std::int64_t Revocations::cursor() const {
  const std::shared_lock lock(mutex_);
  return cursor_;
}

RevocationFeed::RevocationFeed(HttpsClient& client, FindKey find_key, Source source)
    : client_(client), find_key_(std::move(find_key)), source_(std::move(source)) {}

bool RevocationFeed::loaded() const {
  const std::shared_lock lock(mutex_);
  return answered_.has_value();
}

bool RevocationFeed::fresh() const {
  const std::shared_lock lock(mutex_);
  return answered_ && std::chrono::steady_clock::now() - *answered_ < stale_after;
}

RevocationFeed::Outcome RevocationFeed::poll(const std::stop_token& stop, bool may_wait) {
  Call call;
  call.url = source_.url;
  call.headers["authorization"] = basic_credentials(source_.client_id, source_.secret_file);
  call.headers["accept"] = "application/revocations+jwt";
  const std::int64_t cursor = revocations_.cursor();
  if (cursor >= 0) {
    call.url += "?since=" + std::to_string(cursor);
    if (may_wait) {
      call.url += "&wait=" + std::to_string(wait.count());
      call.time_out += wait;
    }
  }
  const Answer answer = client_.send(call, stop);
  bool more = false;
  if (answer.status == 200) {
    const auto document = verify_jws(answer.body, "revocations+jwt", find_key_);
    if (!document || document->payload.value("iss", json()) != source_.issuer ||
        !revocations_.apply(document->payload)) {
      log_line("feed: unusable document: " + (document ? std::string("form") : document.error()));
      return Outcome::failed;
    }
    more = document->payload.value("more", json()) == true;
  } else if (answer.status != 304) {
    log_line("feed: status " + std::to_string(answer.status));
    return Outcome::failed;
  }
  if (more) return Outcome::more;  // not the whole yet: it proves no freshness
  const std::unique_lock lock(mutex_);
  answered_ = std::chrono::steady_clock::now();
  return Outcome::current;
}

void RevocationFeed::run(const std::stop_token& stop) {
  std::minstd_rand random(std::random_device{}());
  std::mutex idle;
  std::condition_variable_any never;
  auto pause = first_pause;
  Outcome outcome = Outcome::current;
  while (!stop.stop_requested()) {
    // After a failure the answer must not wait: it is to show soon that all is well again.
    const bool may_wait = outcome != Outcome::failed;
    outcome = Outcome::failed;
    const auto began = std::chrono::steady_clock::now();
    try {
      outcome = poll(stop, may_wait);
    } catch (const std::exception& fault) {
      if (!stop.stop_requested()) log_line(std::string("feed: ") + fault.what());
    }
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    revocations_.sweep(std::chrono::duration_cast<std::chrono::seconds>(now).count());
    if (outcome == Outcome::more) continue;
    if (outcome == Outcome::current) {
      pause = first_pause;
      // A server with too many waiters answers at once; asking again at once would make it worse.
      if (std::chrono::steady_clock::now() - began > first_pause) continue;
    }
    std::uniform_int_distribution<std::int64_t> jitter(pause.count() / 2, pause.count());
    std::unique_lock lock(idle);
    never.wait_for(lock, stop, std::chrono::milliseconds(jitter(random)), [] { return false; });
    if (outcome == Outcome::failed) pause = std::min(pause * 2, longest_pause);
  }
}

}  // namespace example
