#include "config/strict_json.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <utility>

namespace grantd::config {
namespace {

constexpr std::string_view any_json = "JSON; // and /* */ comments may stand in it";

std::string position(std::string_view text, std::size_t read) {
  const auto before = text.substr(0, std::min(read == 0 ? 0 : read - 1, text.size()));
  const auto line = 1 + std::ranges::count(before, '\n');
  const auto line_start = before.rfind('\n') + 1;  // npos + 1 is 0: the first line
  return "line " + std::to_string(line) + ", column " +
         std::to_string(before.size() - line_start + 1);
}

/// Looks at a document without building it: nothing is allocated for what nests too deeply.
class Inspector final : public nlohmann::json_sax<Json> {
 public:
  Inspector(std::string_view text, const std::string& name, Faults& faults)
      : text_(text), name_(name), faults_(faults) {}

  bool null() override { return value(); }
  bool boolean(bool) override { return value(); }
  bool number_integer(number_integer_t) override { return value(); }
  bool number_unsigned(number_unsigned_t) override { return value(); }
  bool number_float(number_float_t, const string_t&) override { return value(); }
  bool string(string_t&) override { return value(); }
  bool binary(binary_t&) override { return value(); }

  bool start_object(std::size_t) override { return enter(true); }
  bool start_array(std::size_t) override { return enter(false); }
  bool end_object() override { return leave(); }
  bool end_array() override { return leave(); }

  bool key(string_t& key) override {
    auto& level = levels_.back();
    level.key = key;
    if (!level.seen.insert(key).second) {
      faults_.push_back({path(), "the key twice", "each key once"});
    }
    return true;
  }

  // nlohmann's texts: "[json.exception.parse_error.101] parse error at line 1, column 2: syntax
  // error while parsing value - unexpected '}'; expected '['". What was read last is left out: it
  // is the operator's, and the position finds it.
  bool parse_error(std::size_t read, const std::string&, const Json::exception& error) override {
    std::string_view reason = error.what();
    if (const auto dash = reason.find(" - "); dash != reason.npos) reason.remove_prefix(dash + 3);
    if (const auto id = reason.find("] "); id != reason.npos) reason.remove_prefix(id + 2);
    std::string expected(any_json);
    if (const auto at = reason.rfind("; expected "); at != reason.npos) {
      expected = reason.substr(at + std::string_view("; expected ").size());
    }
    const auto end = std::min({reason.find("; "), reason.find(" parsing '"), reason.size()});
    faults_.push_back(
        {name_, position(text_, read) + ": " + std::string(reason.substr(0, end)), expected});
    return false;
  }

 private:
  struct Level {
    bool object{};
    std::string key{};
    std::set<std::string> seen{};
  };

  bool value() { return true; }

  bool enter(bool object) {
    if (levels_.size() == max_depth) {
      faults_.push_back({path(), "more than " + std::to_string(max_depth) + " levels of nesting",
                         "objects in objects, as in the example"});
      return false;
    }
    levels_.push_back({object});
    return true;
  }

  bool leave() {
    levels_.pop_back();
    return true;
  }

  [[nodiscard]] std::string path() const {
    std::string path;
    for (const auto& level : levels_) {
      path = level.object ? child_path(path, level.key) : path + "[]";
    }
    return path.empty() ? name_ : path;
  }

  std::string_view text_;
  const std::string& name_;
  Faults& faults_;
  std::vector<Level> levels_{};
};

}  // namespace

Json read_strict_json(std::string_view text, const std::string& name, Faults& faults) {
  // To nlohmann's lexer a NUL is the end of the text, whatever stands behind it.
  if (const auto nul = text.find('\0'); nul != text.npos) {
    faults.push_back({name, position(text, nul + 1) + ": a NUL octet", std::string(any_json)});
    return nullptr;
  }
  Inspector inspector(text, name, faults);
  constexpr bool whole_text = true;
  constexpr bool ignore_comments = true;
  if (!Json::sax_parse(text, &inspector, Json::input_format_t::json, whole_text, ignore_comments)) {
    return nullptr;
  }
  return Json::parse(text, nullptr, false, ignore_comments);
}

}  // namespace grantd::config
