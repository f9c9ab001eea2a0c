#include "server/cli/reach.h"

#include "server/tokens/status_reference.h"

namespace grantd::cli {

Document reach_of_many() { return Document::array({"introspection", "feed"}); }

Outcome<Document> reach_of_jti(Context& context, std::string_view jti) {
  auto reach = reach_of_many();
  const auto status = tokens::status_of_jti(jti);
  if (!status) return reach;
  const auto list = context.storage->find_status_list(status->list);
  if (!list) return store_failure(list.error(), "status lists");
  const auto now = floor_seconds(context.now) - context.config.tokens.clock_skew;
  if (*list && (*list)->expires_at > now && status->index < (*list)->next_index) {
    reach.push_back("status_list");
  }
  return reach;
}

}  // namespace grantd::cli
