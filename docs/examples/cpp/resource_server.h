/// What both services and the gateways' sidecar have in common: keys and revocations kept fresh in
/// the background, and one check for each request.
#pragma once

#include <expected>
#include <string>
#include <thread>

#include "https.h"
#include "key_cache.h"
#include "revocation_feed.h"
#include "settings.h"
#include "verifier.h"

namespace example {

class ResourceServer {
 public:
  /// Starts the two background threads; the destructor ends them. Tokens must bear `audience`.
  ResourceServer(const Settings& settings, HttpsClient& client, const std::string& audience);

  /// The claims of the request's token, or the answer that refuses it: 401, 403 (RFC 6750 §3), or
  /// 503 until keys and revocations were loaded.
  [[nodiscard]] std::expected<Claims, Response> check(const Request& request,
                                                      const std::string& scope);
  [[nodiscard]] std::expected<Claims, Response> check_token(std::string_view token,
                                                            const std::string& scope);
  /// Keys are there, and the feed answered lately. Where it did not, a load balancer should ask
  /// another instance; requests that still come are checked against what is known.
  [[nodiscard]] bool ready();

 private:
  KeyCache keys_;
  RevocationFeed feed_;
  Verifier verifier_;
  std::jthread keys_thread_, feed_thread_;
};

/// Answers `GET /healthz`; nothing for other requests.
[[nodiscard]] std::optional<Response> health(const Request& request, ResourceServer& server);

/// The part of `path` behind `prefix`, less `suffix`: 1 to 64 letters, digits, '-' and '_'.
[[nodiscard]] std::optional<std::string> id_in_path(const std::string& path,
                                                    const std::string& prefix,
                                                    const std::string& suffix = "");

/// A 401 or 403 with `WWW-Authenticate: Bearer error="…"`.
[[nodiscard]] Response refusal(int status, const std::string& error);

}  // namespace example
