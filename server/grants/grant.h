/// One grant_type of the token endpoint: only what is particular to it (RFC 6749 §4).
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string_view>

#include "server/base/clock.h"
#include "server/oauth/error.h"
#include "server/oauth/token_request.h"
#include "server/tokens/issuer.h"
#include "storage/records.h"

namespace grantd::grants {

class Grant {
 public:
  virtual ~Grant() = default;
  [[nodiscard]] virtual std::string_view grant_type() const = 0;
  /// `client` is authenticated. The references must live until it resumes.
  virtual boost::asio::awaitable<oauth::Result<tokens::IssuedToken>> issue(
      const oauth::TokenRequest& request, const storage::ClientRecord& client,
      WallTime now) const = 0;
};

}  // namespace grantd::grants
