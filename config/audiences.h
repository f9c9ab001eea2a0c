/// The `audiences` map: what is particular to an audience. Private to config/.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "config/field.h"

namespace grantd::config {

inline constexpr std::size_t max_audiences = 1000;
inline constexpr std::size_t max_audience_characters = 255;
inline constexpr std::size_t max_audience_scopes = 1000;
inline constexpr std::size_t max_scope_characters = 255;

struct AudienceMember {
  std::string key{};
  std::string expected{};
  std::string fallback{};  // in words or JSON
  std::string meaning{};
  OrderedJson schema{};
};
/// What may stand in an audience's object.
[[nodiscard]] const std::vector<AudienceMember>& audience_members();
[[nodiscard]] std::string audience_expected();

/// Faults are labelled `audiences["https://api.example.com"].scopes`.
void read_audiences(const Json& value, const std::string& label, Config& config, Faults& faults);
[[nodiscard]] OrderedJson write_audiences(const Config& config);
[[nodiscard]] std::string audiences_expected();
[[nodiscard]] OrderedJson audiences_schema();

}  // namespace grantd::config
