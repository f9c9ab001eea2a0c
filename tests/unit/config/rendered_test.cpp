// Schema, example and reference page come from the table, and the committed files are up to date.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "tests/unit/config/fixture.h"

namespace grantd::config::test {
namespace {

using nlohmann::json;

std::string committed(const std::string& path) {
  std::ifstream in(std::filesystem::path(GRANTD_SOURCE_DIR) / path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Paths of a document's values, sections taken apart.
std::vector<std::string> leaves(const json& object, const std::string& prefix = {}) {
  std::vector<std::string> paths;
  for (const auto& [key, value] : object.items()) {
    if (value.is_object() && key != "audiences") {
      const auto inner = leaves(value, prefix + key + ".");
      paths.insert(paths.end(), inner.begin(), inner.end());
    } else {
      paths.push_back(prefix + key);
    }
  }
  return paths;
}

/// The schema of "listen.port".
json schema_at(const json& schema, const std::string& path) {
  const auto dot = path.find('.');
  const json& property = schema.at("properties").at(path.substr(0, dot));
  return dot == std::string::npos ? property : schema_at(property, path.substr(dot + 1));
}

TEST(ConfigRendered, CommittedFilesAreWhatTheTableYields) {
  EXPECT_EQ(committed("config/grantd.schema.json"), render_json_schema());
  EXPECT_EQ(committed("config/grantd.example.json"), render_example("https://auth.example.com"));
  EXPECT_EQ(committed("docs/configuration.md"), render_reference());
}

TEST(ConfigRendered, ExampleReadsBackAsTheDefaults) {
  const auto example = read(render_example("https://auth.example.com"));
  ASSERT_TRUE(example) << described(example.error());
  EXPECT_EQ(show(*example), show(read(with("")).value()));
}

TEST(ConfigRendered, ExampleHasEveryKeyWithACommentWithinTheLine) {
  const auto example = render_example("https://a.example/\"");
  const auto document = json::parse(example, nullptr, true, true);
  EXPECT_EQ(document.at("issuer"), "https://a.example/\"");
  const auto shown = json::parse(show(read(with("")).value()));
  EXPECT_EQ(leaves(document), leaves(shown));
  std::istringstream lines(example);
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(line.size(), 100U) << line;
    const bool opens_key = line.find("\": ") != std::string::npos;
    EXPECT_TRUE(!opens_key || line.find("  // ") != std::string::npos) << line;
  }
}

TEST(ConfigRendered, SchemaIsClosedAndHasEveryKeysDefault) {
  const auto schema = json::parse(render_json_schema());
  EXPECT_EQ(schema.at("$schema"), "https://json-schema.org/draft/2020-12/schema");
  EXPECT_EQ(schema.at("required"), json({"issuer", "listen"}));
  EXPECT_EQ(schema.at("additionalProperties"), false);
  const auto example = json::parse(render_example("https://auth.example.com"), nullptr, true, true);
  for (const auto& path : leaves(example)) {
    const auto property = schema_at(schema, path);
    EXPECT_FALSE(property.at("description").get<std::string>().empty()) << path;
    const bool required = path == "issuer" || path.starts_with("listen.tls.");
    EXPECT_EQ(property.contains("default"), !required) << path;
    if (required) continue;
    std::string pointer = "/" + path;
    std::ranges::replace(pointer, '.', '/');
    EXPECT_EQ(property.at("default"), example.at(json::json_pointer(pointer))) << path;
  }
}

TEST(ConfigRendered, ReferenceNamesEveryKeyAndItsVariable) {
  const auto page = render_reference();
  for (const auto& path :
       leaves(json::parse(render_example("https://auth.example.com"), nullptr, true, true))) {
    EXPECT_NE(page.find("| `" + path + "` | "), std::string::npos) << path;
  }
  EXPECT_NE(page.find("| `keys.publish_before` | a duration in whole seconds from 0s to 7d | "
                      "`\"15m\"` | reload | `GRANTD_KEYS__PUBLISH_BEFORE` | "),
            std::string::npos);
  EXPECT_NE(page.find("`listen.port` | a whole number from 0 to 65535 | `8443` | restart | "),
            std::string::npos);
}

}  // namespace
}  // namespace grantd::config::test
