#include "config/members.h"

namespace grantd::config {

std::string one_of_keys(const std::vector<MemberWords>& members) {
  std::string text = members.size() > 1 ? "one of " : "";
  for (const auto& each : members) {
    if (&each != members.data()) text += ", ";
    text += '"' + each.key + '"';
  }
  return text;
}

std::string map_expected(std::string_view what) {
  const auto leaf = what.substr(what.rfind('.') + 1);
  return "an object of at most " + std::to_string(max_map_entries) + " " + std::string(leaf);
}

OrderedJson map_schema(const KeyWords& keys, const std::vector<MemberWords>& members) {
  OrderedJson properties = OrderedJson::object();
  OrderedJson required = OrderedJson::array();
  for (const auto& each : members) {
    properties[each.key] = each.schema;
    properties[each.key]["description"] = each.meaning;
    if (each.fallback.empty()) required.push_back(each.key);
  }
  OrderedJson object = {{"type", "object"}, {"properties", properties}};
  if (!required.empty()) object["required"] = required;
  object["additionalProperties"] = false;
  return {{"type", "object"},
          {"propertyNames", keys.schema},
          {"additionalProperties", object},
          {"maxProperties", max_map_entries}};
}

}  // namespace grantd::config
