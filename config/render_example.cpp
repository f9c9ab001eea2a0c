/// The commented example: every key with its default, the required ones with a sample.
#include <algorithm>

#include "config/field.h"
#include "config/load.h"

namespace grantd::config {
namespace {

constexpr std::string_view heading =
    "// grantd's configuration: JSON with comments. \"issuer\" and \"listen.tls\" are required; "
    "all\n"
    "// else stands here with its default and may be left out. Relative paths are relative to "
    "this\n"
    "// file. `grantd config check` names every fault; docs/configuration.md explains every key.\n";

struct Line {
  std::string text{};
  std::string comment{};
};

using Values = std::map<std::string, std::string, std::less<>>;

std::string value_of(const Field& field, const Values& values) {
  const auto given = values.find(field.words.path);
  if (given != values.end()) return given->second;
  return field.words.fallback.empty() ? field.words.sample : field.words.fallback;
}

// Comments of neighbouring lines stand in one column.
void append_aligned(std::string& out, const std::vector<Line>& lines) {
  std::size_t width = 0;
  for (const auto& line : lines) width = std::max(width, line.text.size());
  for (const auto& line : lines) {
    const std::string gap(width - line.text.size() + 2, ' ');
    out += line.text + gap + "// " + line.comment + "\n";
  }
}

void append_section(std::string& out, std::string_view section, const std::string& indent,
                    const Values& values) {
  std::vector<Line> lines;
  const auto paths = children(section);
  for (const auto& path : paths) {
    const std::string comma = path == paths.back() ? "" : ",";
    const std::string key = indent + '"' + std::string(leaf_of(path)) + "\": ";
    if (const auto* field = find_field(path); field != nullptr) {
      lines.push_back({key + value_of(*field, values) + comma, field->words.comment});
      continue;
    }
    append_aligned(out, lines);
    lines.clear();
    out += key + "{  // " + find_section(path)->meaning + "\n";
    append_section(out, path, indent + "  ", values);
    out += indent + "}" + comma + "\n";
  }
  append_aligned(out, lines);
}

}  // namespace

std::string render_example(std::string_view issuer, const Values& values) {
  std::string out(heading);
  out += "{\n";
  Values all = values;
  all["issuer"] = OrderedJson(issuer).dump();
  append_section(out, "", "  ", all);
  return out + "}\n";
}

}  // namespace grantd::config
