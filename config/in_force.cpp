/// What is in force, and what a reload may change of it.
#include <string>

#include "config/field.h"
#include "config/load.h"

namespace grantd::config {

std::string show(const Config& config) {
  OrderedJson document = OrderedJson::object();
  for (const auto& each : fields()) {
    OrderedJson* section = &document;
    std::string_view rest = each.words.path;
    for (auto dot = rest.find('.'); dot != rest.npos; dot = rest.find('.')) {
      section = &(*section)[std::string(rest.substr(0, dot))];
      rest.remove_prefix(dot + 1);
    }
    (*section)[std::string(rest)] = each.write(config);
  }
  constexpr int indent = 2;
  // A directory's name need not be UTF-8.
  return document.dump(indent, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
}

ReloadPlan plan_reload(const Config& running, const Config& next) {
  ReloadPlan plan{next, {}};
  for (const auto& each : fields()) {
    if (each.words.reload != Reload::needs_restart) continue;
    if (each.write(running) == each.write(next)) continue;
    each.copy(running, plan.effective);
    plan.needs_restart.push_back(each.words.path);
  }
  return plan;
}

}  // namespace grantd::config
