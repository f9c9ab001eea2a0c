/// JSON Schema, draft 2020-12, of the file. What the environment may bring is required here, too:
/// the schema describes a file that is complete in itself.
#include "config/field.h"
#include "config/load.h"

namespace grantd::config {
namespace {

OrderedJson property(const Field& field) {
  OrderedJson made = field.schema;
  made["description"] = field.words.meaning + " Expected: " + field.expected + ".";
  if (!field.words.fallback.empty()) {
    made["default"] = OrderedJson::parse(field.words.fallback);
  }
  return made;
}

OrderedJson object(const Section& section) {
  OrderedJson properties = OrderedJson::object();
  OrderedJson required = OrderedJson::array();
  for (const auto& path : children(section.path)) {
    const std::string name(leaf_of(path));
    const auto* field = find_field(path);
    properties[name] = field != nullptr ? property(*field) : object(*find_section(path));
    const bool needed =
        field != nullptr ? field->words.fallback.empty() : properties[name].contains("required");
    if (needed) required.push_back(name);
  }
  OrderedJson made = {
      {"type", "object"}, {"description", section.meaning}, {"properties", properties}};
  if (!required.empty()) made["required"] = required;
  made["additionalProperties"] = false;
  return made;
}

}  // namespace

std::string render_json_schema() {
  OrderedJson schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                        {"title", "grantd's configuration"}};
  schema.update(object(*find_section("")));
  schema["description"] =
      "The file is JSON with comments; relative paths are relative to it, and the environment "
      "overrides its values (docs/configuration.md).";
  constexpr int indent = 2;
  return schema.dump(indent) + "\n";
}

}  // namespace grantd::config
