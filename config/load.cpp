#include "config/load.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "config/field.h"
#include "config/strict_json.h"
#include "config/suggest.h"
#include "server/base/files.h"

namespace grantd::config {
namespace {

constexpr std::string_view environment_prefix = "GRANTD_";
// Nobody mends more in one go; a file of another kind would yield one for each of its keys.
constexpr std::size_t max_faults = 100;

struct Source {
  Json value{};
  std::string label{};  // what a fault calls it: the path, and the variable where it came from one
};
using Sources = std::map<std::string, Source, std::less<>>;
using Paths = std::set<std::string, std::less<>>;

std::string expected_instead_of(std::string_view section, std::string_view key) {
  std::vector<std::string> names;
  std::string expected;
  for (const auto& path : children(section)) {
    names.emplace_back(leaf_of(path));
    expected += (expected.empty() ? "one of " : ", ") + names.back();
  }
  if (const auto meant = nearest(key, names); !meant.empty()) {
    return expected + "; did you mean \"" + meant + "\"?";
  }
  for (const auto& each : fields()) {
    if (leaf_of(each.words.path) == key) {
      return expected + "; did you mean \"" + each.words.path + "\"?";
    }
  }
  return expected;
}

/// Sorts a file's values by their paths; sections that are no objects go to `broken`.
void collect(const Json& object, const std::string& at, Sources& sources, Paths& broken,
             Faults& faults) {
  for (const auto& [key, value] : object.items()) {
    const auto path = child_path(at, key);
    if (find_field(path) != nullptr) {
      sources.insert_or_assign(path, Source{value, path});
    } else if (find_section(path) == nullptr) {
      faults.push_back({path, "an unknown key", expected_instead_of(at, key)});
    } else if (value.is_object()) {
      collect(value, path, sources, broken, faults);
    } else {
      broken.insert(path);
      faults.push_back({path, found_text(value), "an object"});
    }
  }
}

// Variables are text: digits stand for a number, `true` and `false` for themselves, where a field
// takes one.
Json environment_value(const Field& field, const std::string& text) {
  if (field.schema.value("type", "") == "boolean" && (text == "true" || text == "false")) {
    return text == "true";
  }
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (field.number && error == std::errc{} && rest == end) return number;
  return text;
}

std::string expected_variable(const std::string& name) {
  std::vector<std::string> names;
  for (const auto& each : fields()) {
    if (settable_by_environment(each)) names.push_back(variable_of(each.words.path));
  }
  const auto meant = nearest(name, names);
  return "the name of a setting, such as GRANTD_TOKENS__LIFETIME" +
         (meant.empty() ? "" : "; did you mean " + meant + "?");
}

void lay_over(const Environment& environment, Sources& sources, Faults& faults) {
  std::map<std::string, const Field*, std::less<>> known;
  for (const auto& each : fields()) {
    if (settable_by_environment(each)) known.emplace(variable_of(each.words.path), &each);
  }
  for (const auto& [name, text] : environment) {
    if (!name.starts_with(environment_prefix)) continue;
    if (const auto found = known.find(name); found != known.end()) {
      const auto& path = found->second->words.path;
      sources.insert_or_assign(
          path, Source{environment_value(*found->second, text), path + " (from " + name + ")"});
    } else if (name.find("__") != std::string::npos) {
      faults.push_back({child_path("", name), "an unknown variable", expected_variable(name)});
    }
  }
}

bool is_inside(std::string_view path, const Paths& broken) {
  return std::ranges::any_of(broken, [&](const std::string& section) {
    return path.starts_with(section) && path.substr(section.size()).starts_with('.');
  });
}

/// Reads every field; returns the paths of those that hold no sound value.
Paths read_fields(const Sources& sources, const Paths& broken, Config& config, Faults& faults) {
  Paths unsound;
  for (const auto& each : fields()) {
    const auto& path = each.words.path;
    const auto before = faults.size();
    if (const auto source = sources.find(path); source != sources.end()) {
      each.read(source->second.value, source->second.label, config, faults);
    } else if (!each.words.fallback.empty()) {
      each.read(Json::parse(each.words.fallback), path, config, faults);
    } else if (!is_inside(path, broken)) {
      faults.push_back({path, "nothing", each.expected});
    }
    if (faults.size() > before || is_inside(path, broken)) unsound.insert(path);
  }
  return unsound;
}

std::string label_of(const Sources& sources, const std::string& path) {
  const auto source = sources.find(path);
  return source == sources.end() ? path : source->second.label;
}

std::string value_of(const std::string& path, const Config& config) {
  return find_field(path)->write(config).dump();
}

void check_combinations(const Sources& sources, const Paths& unsound, const Config& config,
                        Faults& faults) {
  for (const auto& each : combinations()) {
    if (unsound.contains(each.path) || unsound.contains(each.other) || each.holds(config)) continue;
    faults.push_back({label_of(sources, each.path),
                      value_of(each.path, config) + " where " + label_of(sources, each.other) +
                          " is " + value_of(each.other, config),
                      each.relation + " " + each.other + ", " + each.why});
  }
}

Faults bounded(Faults faults, const std::string& name) {
  if (faults.size() <= max_faults) return faults;
  const auto more = faults.size() - max_faults;
  faults.resize(max_faults);
  faults.push_back({name, std::to_string(more) + " more faults", "a configuration of grantd"});
  return faults;
}

}  // namespace

std::string describe(const Fault& fault) {
  return fault.path + ": found " + fault.found + ", expected " + fault.expected;
}

Environment process_environment() {
  Environment environment;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const auto equals = text.find('=');
    if (equals == std::string_view::npos || !text.starts_with(environment_prefix)) continue;
    environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return environment;
}

std::expected<Config, Faults> load(const std::filesystem::path& file,
                                   const Environment& environment) {
  const auto text = read_file(file, max_file_bytes);
  if (!text) {
    return std::unexpected(
        Faults{{file.string(), "no configuration (" + text.error() + ")",
                "a readable file of at most " + std::to_string(max_file_bytes) + " bytes"}});
  }
  return parse(*text, file, environment);
}

std::expected<Config, Faults> parse(std::string_view text, const std::filesystem::path& file,
                                    const Environment& environment) {
  const std::string name = file.string();
  Faults faults;
  if (text.size() > max_file_bytes) {
    return std::unexpected(Faults{{name, std::to_string(text.size()) + " bytes",
                                   "at most " + std::to_string(max_file_bytes) + " bytes"}});
  }
  const Json document = read_strict_json(text, name, faults);
  if (!document.is_object()) {
    if (faults.empty()) faults.push_back({name, found_text(document), "an object"});
    return std::unexpected(std::move(faults));
  }

  Sources sources;
  Paths broken;
  collect(document, "", sources, broken, faults);
  lay_over(environment, sources, faults);

  Config config;
  config.file = file;
  const auto unsound = read_fields(sources, broken, config, faults);
  check_combinations(sources, unsound, config, faults);
  if (!faults.empty()) return std::unexpected(bounded(std::move(faults), name));
  return config;
}

}  // namespace grantd::config
