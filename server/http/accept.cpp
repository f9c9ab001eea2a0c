#include "server/http/accept.h"

#include "server/base/text.h"
#include "server/http/weighted.h"

namespace grantd::http {
namespace {

/// How closely a media range names a type: 0 not at all, 3 by its own name.
int closeness(std::string_view range, std::string_view type) {
  if (equal_ignoring_case(range, type)) return 3;
  if (range == "*/*") return 1;
  const auto group = type.substr(0, type.find('/') + 1);
  const bool of_group = range.size() == group.size() + 1 && range.ends_with("/*") &&
                        equal_ignoring_case(range.substr(0, group.size()), group);
  return of_group ? 2 : 0;
}

}  // namespace

bool asks_for(std::string_view accept, std::string_view offered, std::string_view usual) {
  int offered_weight = 0;
  int usual_weight = 0;
  int usual_closeness = 0;
  while (!accept.empty()) {
    const auto range = take_weighted(accept);
    if (!range.weight) continue;
    if (equal_ignoring_case(range.value, offered)) offered_weight = *range.weight;
    const int close = closeness(range.value, usual);
    if (close > 0 && close >= usual_closeness) {
      usual_closeness = close;
      usual_weight = *range.weight;
    }
  }
  return offered_weight > 0 && offered_weight >= usual_weight;
}

}  // namespace grantd::http
