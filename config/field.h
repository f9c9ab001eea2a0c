/// One setting of the file: everything parser, schema, example, page, `show` and reload know of it.
///
/// Private to config/.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/load.h"

namespace grantd::config {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;  // for documents that keep the table's order
using Faults = std::vector<Fault>;

enum class Reload { applies, needs_restart };

/// How a value of type T stands in the file.
template <typename T>
struct Codec {
  std::string expected{};  // in words, for faults and the reference page
  OrderedJson schema{};
  bool number{false};  // in the environment, digits
  /// Nothing where the value does not fit `expected`. `base` is what relative paths start from.
  std::function<std::optional<T>(const Json& value, const std::filesystem::path& base)> decode{};
  std::function<OrderedJson(const T& value)> encode{};
};

/// What the table says of a field, beside its type.
struct Words {
  std::string path{};      // "listen.tls.certificate_file"
  std::string fallback{};  // JSON as it would stand in the file; empty: the field is required
  std::string sample{};    // JSON for a required field in the example
  Reload reload{Reload::applies};
  std::string comment{};  // in the example, on the same line
  std::string meaning{};  // in the schema and on the reference page
};

struct Field {
  Words words{};
  std::string expected{};
  OrderedJson schema{};
  bool number{false};
  /// Into `config`, whose `file` is set; else faults under `label`, and `config` stays as it was.
  std::function<void(const Json& value, const std::string& label, Config& config, Faults& faults)>
      read{};
  std::function<OrderedJson(const Config& config)> write{};
  std::function<void(const Config& from, Config& to)> copy{};
};

struct Section {
  std::string path{};
  std::string meaning{};
};

/// A pair of values that are each sound and unsafe together.
struct Combination {
  std::string path{};      // what is blamed
  std::string relation{};  // "at least" or "at most"
  std::string other{};     // what it is measured against
  std::string why{};
  bool (*holds)(const Config&){nullptr};
};

/// In the order of the example; every field's section stands in sections().
[[nodiscard]] const std::vector<Field>& fields();
[[nodiscard]] const std::vector<Section>& sections();
[[nodiscard]] const std::vector<Combination>& combinations();

/// Null where there is none.
[[nodiscard]] const Field* find_field(std::string_view path);
[[nodiscard]] const Section* find_section(std::string_view path);
/// The paths of what may stand in a section, fields and sections, in the table's order.
[[nodiscard]] std::vector<std::string> children(std::string_view section);

/// "tokens" of "tokens.lifetime"; empty for a field of the top level.
[[nodiscard]] std::string_view section_of(std::string_view path);
/// "lifetime" of "tokens.lifetime".
[[nodiscard]] std::string_view leaf_of(std::string_view path);
/// "tokens.lifetime"; a key that is no plain name is quoted: `audiences["https://a"]`.
[[nodiscard]] std::string child_path(std::string_view parent, std::string_view key);
/// "GRANTD_TOKENS__LIFETIME" of "tokens.lifetime".
[[nodiscard]] std::string variable_of(std::string_view path);
/// A map (`audiences`) stands in the file alone.
[[nodiscard]] bool settable_by_environment(const Field& field);

/// A value for Fault::found: JSON in ASCII, userinfo of URLs blanked, cut to max_found_characters.
[[nodiscard]] std::string found_text(const Json& value);
inline constexpr std::size_t max_found_characters = 80;

}  // namespace grantd::config
