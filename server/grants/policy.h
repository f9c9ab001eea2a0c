/// What the configuration says about tokens; replaced whole by a reload.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "server/oauth/audience.h"
#include "server/tokens/foreign.h"
#include "server/tokens/issuer.h"

namespace grantd::grants {

struct Policy {
  std::chrono::seconds lifetime{0};
  std::chrono::seconds max_lifetime{0};
  std::chrono::seconds clock_skew{0};  // lengthens how long revocations are kept, nothing else
  oauth::AudiencePolicies audiences{};
  /// Some audience wants status lists: then every token gets an entry, because a token derived from
  /// it for that audience will refer to it.
  bool status_lists{false};
  tokens::EncryptionKeys encryption_keys{};  // of every audience whose policy is `encrypted`
  tokens::ForeignIssuers issuers{};          // whose tokens may be exchanged
  std::size_t warn_token_bytes{0};           // a larger token is logged as such
  std::size_t max_token_bytes{0};            // a larger one is not issued
  /// The `aud` of transaction tokens; empty: they are not issued.
  std::string trust_domain{};
  std::chrono::seconds transaction_lifetime{0};
};

}  // namespace grantd::grants
