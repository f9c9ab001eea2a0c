/// What the configuration says about tokens; replaced whole by a reload.
#pragma once

#include <chrono>

#include "server/oauth/audience.h"

namespace grantd::grants {

struct Policy {
  std::chrono::seconds lifetime{0};
  std::chrono::seconds max_lifetime{0};
  std::chrono::seconds clock_skew{0};  // lengthens how long revocations are kept, nothing else
  oauth::AudiencePolicies audiences{};
};

}  // namespace grantd::grants
