#include "tests/support/cluster_load.h"

#include "server/base/text.h"
#include "server/jose/base64url.h"

namespace grantd::testing {
namespace {

/// More faults than these say nothing new.
constexpr std::size_t max_faults = 20;

std::string token_in(const HttpResponse& response) {
  return json::parse(response.body).at("access_token").get<std::string>();
}

std::string told(const std::string& what, const HttpResponse& response) {
  return what + ": " + std::to_string(response.status) + " " + response.body.substr(0, 200);
}

}  // namespace

// --- connections ------------------------------------------------------------------------------

std::optional<HttpResponse> LoadConnection::get(const std::string& path) {
  return request("GET", path, {}, {});
}

std::optional<HttpResponse> LoadConnection::post(const std::string& path, const std::string& form) {
  return request("POST", path,
                 {{"Authorization", basic(target_.client_id, target_.secret)},
                  {"Content-Type", "application/x-www-form-urlencoded"}},
                 form);
}

std::optional<HttpResponse> LoadConnection::request(const std::string& method,
                                                    const std::string& path, const Headers& headers,
                                                    const std::string& body) {
  try {
    if (!client_ || left_-- <= 0) {
      client_ = std::make_unique<TlsClient>("127.0.0.1", target_.port, target_.ca_file);
      left_ = requests_each;
    }
    auto response = client_->request(method, path, headers, body);
    if (response.status != 0) return response;
  } catch (const std::runtime_error&) {
    // As below: the node is gone, or HAProxy has none.
  }
  client_.reset();
  return {};
}

// --- verifying --------------------------------------------------------------------------------

bool CachingVerifier::refresh(const std::stop_token& stop) {
  if (std::chrono::steady_clock::now() - received_ <= max_age_) return true;
  while (!stop.stop_requested()) {
    LoadConnection connection(target_);  // another node each time
    const auto response = connection.get("/.well-known/jwks.json");
    if (response && response->status == 200) {
      received_ = std::chrono::steady_clock::now();
      keys_.clear();
      const auto jwks = json::parse(response->body);
      for (const auto& jwk : jwks.at("keys")) {
        keys_[jwk.at("kid")] = jose::RsaPublicKey::from_jwk(jwk.dump()).value();
      }
      return true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return false;
}

bool CachingVerifier::verify(const std::string& token) const {
  const auto found = keys_.find(decode(token).header.at("kid").get<std::string>());
  if (found == keys_.end()) return false;
  const auto end = token.rfind('.');
  const auto signature = jose::base64url_decode(token.substr(end + 1));
  return signature && found->second->verify_rs256(token.substr(0, end), *signature);
}

std::string CachingVerifier::state() const {
  const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - received_);
  auto text = "the JWKS of " + std::to_string(age.count()) + " ms ago has";
  for (const auto& [kid, key] : keys_) text += " " + kid;
  return text;
}

// --- tokens -----------------------------------------------------------------------------------

TokenLoad::TokenLoad(LoadTarget target, Options options)
    : target_(std::move(target)), jwks_(target_), options_(options) {
  if (options_.jwks_port != 0) jwks_.port = options_.jwks_port;
  threads_.reserve(static_cast<std::size_t>(options_.threads));
  for (int i = 0; i < options_.threads; ++i) {
    threads_.emplace_back([this](const std::stop_token& stop) { run(stop); });
  }
}

void TokenLoad::stop() { threads_.clear(); }

void TokenLoad::run(const std::stop_token& stop) {
  LoadConnection connection(target_);
  CachingVerifier verifier(jwks_, options_.jwks_max_age);
  while (!stop.stop_requested()) {
    // Before the token, too: what is cached must do for one that is signed later.
    if (!verifier.refresh(stop)) return;
    const auto response = connection.post("/token", client_credentials);
    if (!response) {
      ++broken;
    } else if (response->status == 503) {
      ++unavailable;
    } else if (response->status != 200) {
      const std::lock_guard lock(mutex_);
      if (faults_.size() < max_faults) faults_.push_back(told("/token", *response));
    } else {
      ++issued;
      if (!verifier.refresh(stop)) return;
      take(token_in(*response), verifier);
    }
    std::this_thread::sleep_for(options_.pause);
  }
}

void TokenLoad::take(const std::string& token, const CachingVerifier& verifier) {
  const bool verified = verifier.verify(token);
  const auto kid = decode(token).header.at("kid").get<std::string>();
  const std::lock_guard lock(mutex_);
  kids_.insert(kid);
  if (!verified && faults_.size() < max_faults) {
    const auto now = floor_seconds(std::chrono::system_clock::now());
    faults_.push_back(rfc3339(now) + ": does not verify: " + decode(token).claims.dump() +
                      " by kid " + kid + "; " + verifier.state());
  }
}

std::set<std::string> TokenLoad::kids() const {
  const std::lock_guard lock(mutex_);
  return kids_;
}

std::vector<std::string> TokenLoad::faults() const {
  const std::lock_guard lock(mutex_);
  return faults_;
}

// --- revocations ------------------------------------------------------------------------------

RevocationLoad::RevocationLoad(LoadTarget target, std::chrono::milliseconds pause)
    : target_(std::move(target)) {
  thread_ = std::jthread([this, pause](const std::stop_token& stop) { run(stop, pause); });
}

void RevocationLoad::stop() { thread_ = {}; }

void RevocationLoad::run(const std::stop_token& stop, std::chrono::milliseconds pause) {
  LoadConnection connection(target_);
  for (int round = 0; !stop.stop_requested(); ++round) {
    std::this_thread::sleep_for(pause);
    const auto issued = connection.post("/token", client_credentials);
    if (!issued || issued->status != 200) continue;
    const auto token = token_in(*issued);
    const bool leave = round % 4 == 3;
    std::optional<HttpResponse> response;
    if (!leave) response = connection.post("/revoke", "token=" + token);
    const std::lock_guard lock(mutex_);
    if (leave) {
      seen_.push_back({token, std::chrono::steady_clock::now(), false});
    } else if (response && response->status == 200) {
      seen_.push_back({token, std::chrono::steady_clock::now(), true});
      ++acknowledged;
    } else if (response && response->status == 503 && response->has_header("Retry-After")) {
      ++refused;
    } else if (response && faults_.size() < max_faults) {
      faults_.push_back(told("/revoke", *response));
    }
  }
}

std::vector<RevocationLoad::Seen> RevocationLoad::seen() const {
  const std::lock_guard lock(mutex_);
  return seen_;
}

std::vector<std::string> RevocationLoad::faults() const {
  const std::lock_guard lock(mutex_);
  return faults_;
}

// --- the operator -----------------------------------------------------------------------------

OperatorLoad::OperatorLoad(TestServer& server, std::chrono::milliseconds pause) : server_(server) {
  thread_ = std::jthread([this, pause](const std::stop_token& stop) { run(stop, pause); });
}

void OperatorLoad::stop() { thread_ = {}; }

void OperatorLoad::run(const std::stop_token& stop, std::chrono::milliseconds pause) {
  for (int round = 0; !stop.stop_requested(); ++round) {
    std::this_thread::sleep_for(pause);
    Done done{.client_id = "made-" + std::to_string(round)};
    if (server_.command({"client", "create", done.client_id, "--audience", api}).status != 0) {
      ++refused;
      continue;
    }
    const auto added = server_.command({"secret", "add", done.client_id});
    if (added.status == 0) done.second_secret_id = json::parse(added.out).at("secret_id");
    if (round % 2 == 1) {
      done.disabled = server_.command({"client", "disable", done.client_id}).status == 0;
    }
    const std::lock_guard lock(mutex_);
    done_.push_back(std::move(done));
  }
}

std::vector<OperatorLoad::Done> OperatorLoad::done() const {
  const std::lock_guard lock(mutex_);
  return done_;
}

}  // namespace grantd::testing
