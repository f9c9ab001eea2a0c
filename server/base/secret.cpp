#include "server/base/secret.h"

#include <cstring>

namespace grantd {

void cleanse(std::string& text) noexcept {
  // Past size() there may be what the string held before it was shortened.
  explicit_bzero(text.data(), text.capacity());
  text.clear();
}

}  // namespace grantd
