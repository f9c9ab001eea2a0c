#include "server/jose/strict_json.h"

#include <string>
#include <utility>
#include <vector>

namespace grantd::jose {
namespace {

using Json = nlohmann::json;

/// Builds the tree as the parser reads (nlohmann's SAX interface), which `false` stops: at the
/// first fault, so that a hostile text does not grow into a tree.
class Builder {
 public:
  explicit Builder(std::size_t max_depth) : max_depth_(max_depth) {}

  bool null() { return add(nullptr); }
  bool boolean(bool value) { return add(value); }
  bool number_integer(Json::number_integer_t value) { return add(value); }
  bool number_unsigned(Json::number_unsigned_t value) { return add(value); }
  bool number_float(Json::number_float_t value, const std::string&) { return add(value); }
  bool string(std::string& value) { return add(std::move(value)); }
  bool binary(Json::binary_t&) { return false; }  // JSON has none
  bool start_object(std::size_t) { return open(Json::value_t::object); }
  bool end_object() { return close(); }
  bool start_array(std::size_t) { return open(Json::value_t::array); }
  bool end_array() { return close(); }
  bool key(std::string& name) {
    auto& members = open_.back()->get_ref<Json::object_t&>();
    const auto [at, is_new] = members.emplace(std::move(name), nullptr);
    member_ = &at->second;
    return is_new || blame("repeated_member");
  }
  bool parse_error(std::size_t, const std::string&, const Json::exception&) {
    return blame("malformed_json");
  }

  /// Null where the text was read to its end.
  [[nodiscard]] const char* fault() const { return fault_; }
  [[nodiscard]] Json take() { return std::move(root_); }

 private:
  template <typename Value>
  bool add(Value&& value) {
    place() = std::forward<Value>(value);
    return true;
  }
  bool open(Json::value_t kind) {
    if (open_.size() == max_depth_) return blame("nested_too_deeply");
    Json& opened = place();
    opened = kind;
    open_.push_back(&opened);
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }
  /// Where the next value belongs. What is open does not move: only the innermost grows.
  Json& place() {
    if (open_.empty()) return root_;
    if (open_.back()->is_object()) return *member_;
    return open_.back()->emplace_back();
  }
  bool blame(const char* fault) {
    fault_ = fault;
    return false;
  }

  const std::size_t max_depth_;
  Json root_;
  std::vector<Json*> open_;
  Json* member_{nullptr};  // of the innermost object, whose key was read
  const char* fault_{nullptr};
};

}  // namespace

std::expected<Json, std::string> parse_object(std::string_view text, std::size_t max_depth) {
  // The parser takes NUL for the end of the text and passes over a byte order mark.
  if (text.contains('\0') || text.starts_with("\xEF\xBB\xBF")) {
    return std::unexpected("malformed_json");
  }
  Builder builder(max_depth);
  if (!Json::sax_parse(text, &builder)) return std::unexpected(builder.fault());
  Json json = builder.take();
  if (!json.is_object()) return std::unexpected("no_json_object");
  return json;
}

const std::string* find_string(const Json& object, const char* member) {
  const auto found = object.find(member);
  return found == object.end() ? nullptr : found->get_ptr<const std::string*>();
}

}  // namespace grantd::jose
