#include "config/field.h"

#include <algorithm>

namespace grantd::config {
namespace {

// "https://user:password@host" becomes "https:***@host": a fault is printed and logged.
std::string without_userinfo(std::string_view text) {
  const auto at = text.rfind('@');
  const auto colon = text.find(':');
  if (at == std::string_view::npos || colon > at) return std::string(text);
  return std::string(text.substr(0, colon + 1)) + "***" + std::string(text.substr(at));
}

char environment_character(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

bool is_plain_name(std::string_view key) {
  return !key.empty() && key.size() <= max_found_characters && std::ranges::all_of(key, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '$';
  });
}

}  // namespace

const Field* find_field(std::string_view path) {
  const auto found =
      std::ranges::find_if(fields(), [&](const Field& f) { return f.words.path == path; });
  return found == fields().end() ? nullptr : &*found;
}

const Section* find_section(std::string_view path) {
  const auto found = std::ranges::find(sections(), path, &Section::path);
  return found == sections().end() ? nullptr : &*found;
}

std::vector<std::string> children(std::string_view section) {
  const std::string prefix = section.empty() ? "" : std::string(section) + ".";
  std::vector<std::string> paths;
  for (const auto& each : fields()) {
    const std::string& path = each.words.path;
    if (!path.starts_with(prefix)) continue;
    const auto child = path.substr(0, path.find('.', prefix.size()));
    if (std::ranges::find(paths, child) == paths.end()) paths.push_back(child);
  }
  return paths;
}

std::string_view section_of(std::string_view path) {
  const auto dot = path.rfind('.');
  return dot == std::string_view::npos ? std::string_view{} : path.substr(0, dot);
}

std::string_view leaf_of(std::string_view path) {
  const auto dot = path.rfind('.');
  return dot == std::string_view::npos ? path : path.substr(dot + 1);
}

std::string child_path(std::string_view parent, std::string_view key) {
  if (!is_plain_name(key)) return std::string(parent) + "[" + found_text(key) + "]";
  return std::string(parent) + (parent.empty() ? "" : ".") + std::string(key);
}

std::string variable_of(std::string_view path) {
  std::string name = "GRANTD_";
  for (const char c : path) {
    if (c == '.') {
      name += "__";
    } else {
      name += environment_character(c);
    }
  }
  return name;
}

bool settable_by_environment(const Field& field) {
  return field.schema.value("type", "") != "object";
}

std::string found_text(const Json& value) {
  const auto* string = value.get_ptr<const std::string*>();
  const Json shown = string != nullptr ? Json(without_userinfo(*string)) : value;
  std::string text = shown.dump(-1, ' ', true, Json::error_handler_t::replace);
  if (text.size() > max_found_characters) {
    constexpr std::string_view cut = "...";
    text.resize(max_found_characters - cut.size());
    text += cut;
  }
  return text;
}

}  // namespace grantd::config
