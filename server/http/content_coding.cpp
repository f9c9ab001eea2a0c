#include "server/http/content_coding.h"

#include <optional>

#include "server/base/text.h"
#include "server/http/weighted.h"

namespace grantd::http {
bool accepts_gzip(std::string_view accept_encoding) {
  std::optional<bool> named;
  bool others = false;
  while (!accept_encoding.empty()) {
    const auto coding = take_weighted(accept_encoding);
    const bool wanted = !coding.has_parameters && coding.weight.value_or(0) > 0;
    if (equal_ignoring_case(coding.value, "gzip") || equal_ignoring_case(coding.value, "x-gzip")) {
      // Named twice with other weights: the careful reading.
      named = named.value_or(true) && wanted;
    } else if (coding.value == "*") {
      others = wanted;
    }
  }
  return named.value_or(others);
}

}  // namespace grantd::http
