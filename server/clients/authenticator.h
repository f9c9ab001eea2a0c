/// Client authentication for every endpoint that needs it: which method, which client, proven or
/// not (RFC 6749 §2.3, §3.2.1, §5.2).
///
/// An unknown client and a wrong secret are one answer after the same time: authenticate() waits
/// with each failure until `failure_delay` after the request was read. Thread-safe.
#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <string_view>

#include "server/base/clock.h"
#include "server/base/snapshot.h"
#include "server/clients/client_cache.h"
#include "server/clients/credentials.h"
#include "server/clients/failure_counter.h"
#include "server/clients/last_used.h"
#include "server/clients/peppers.h"
#include "server/oauth/error.h"
#include "server/oauth/form.h"

namespace grantd::clients {

/// The parts of a request that matter here.
struct AuthenticationRequest {
  const oauth::Form& form;
  std::string_view authorization{};
  bool has_authorization{false};
  std::string_view peer{};
  SteadyTime read_at{};
};

/// The client, proven. `id` is set too where authentication failed, for the log.
struct Authentication {
  std::string client_id{};  // as presented; empty where none could be read
  bool registered{false};   // whether a client of that id exists
  oauth::Result<ClientPtr> client{std::unexpected(oauth::Error{})};
};

/// Whether an error of authenticate() says that the client is not who it claims to be, rather than
/// that its request is malformed or storage away.
[[nodiscard]] bool is_denial(oauth::ErrorCode code);

class Authenticator {
 public:
  struct Settings {
    std::size_t max_failures_a_minute{60};
    std::chrono::milliseconds failure_delay{10};
  };

  Authenticator(ClientCache& cache, const Snapshot<Peppers>& peppers, FailureCounter& failures,
                LastUsed& last_used, const Clock& clock, Settings settings);

  boost::asio::awaitable<Authentication> authenticate(AuthenticationRequest request);

  /// A reload.
  void set(Settings settings);

 private:
  boost::asio::awaitable<Authentication> decide(const AuthenticationRequest& request);
  [[nodiscard]] oauth::Result<ClientPtr> judge(const std::expected<ClientPtr, LookupError>& found,
                                               const PresentedCredentials& presented,
                                               std::string_view peer);
  [[nodiscard]] oauth::Result<void> check_secret(const storage::ClientWithSecrets& client,
                                                 const PresentedCredentials& presented);
  [[nodiscard]] oauth::Error failed(std::string_view client_id, std::string_view peer,
                                    std::string_view reason);

  ClientCache& cache_;
  const Snapshot<Peppers>& peppers_;
  FailureCounter& failures_;
  LastUsed& last_used_;
  const Clock& clock_;
  std::atomic<std::size_t> max_failures_a_minute_;
  std::atomic<std::chrono::milliseconds> failure_delay_;
};

}  // namespace grantd::clients
