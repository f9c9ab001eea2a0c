#include "server/jose/strict_json.h"

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/src.hpp>  // here and nowhere else: what would be in Boost.JSON's library
#include <charconv>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace grantd::jose {
namespace {

using Json = nlohmann::json;
namespace json = boost::json;
using Status = boost::system::error_code;

/// Builds the tree as Boost.JSON reads, at a fraction of what nlohmann's own reader asks for each
/// octet. `false` stops it: at the first fault, so that a hostile text does not grow into a tree.
class Builder {
 public:
  static constexpr std::size_t max_array_size = SIZE_MAX;  // the caller bounds the length of all
  static constexpr std::size_t max_object_size = SIZE_MAX;
  static constexpr std::size_t max_string_size = SIZE_MAX;
  static constexpr std::size_t max_key_size = SIZE_MAX;

  bool on_document_begin(Status&) { return true; }
  bool on_document_end(Status&) { return true; }
  bool on_object_begin(Status&) { return open(Json::value_t::object); }
  bool on_object_end(std::size_t, Status&) { return close(); }
  bool on_array_begin(Status&) { return open(Json::value_t::array); }
  bool on_array_end(std::size_t, Status&) { return close(); }
  bool on_key_part(json::string_view part, std::size_t, Status&) { return gather(part); }
  bool on_key(json::string_view rest, std::size_t, Status&) {
    auto& members = open_.back()->get_ref<Json::object_t&>();
    const auto [at, is_new] = members.emplace(gathered(rest), nullptr);
    member_ = &at->second;
    repeated_ = !is_new;
    return is_new;
  }
  bool on_string_part(json::string_view part, std::size_t, Status&) { return gather(part); }
  bool on_string(json::string_view rest, std::size_t, Status&) { return add(gathered(rest)); }
  bool on_number_part(json::string_view part, Status&) { return gather(part); }
  bool on_int64(std::int64_t value, json::string_view, Status&) {
    text_.clear();
    return value < 0 ? add(value) : add(static_cast<std::uint64_t>(value));
  }
  bool on_uint64(std::uint64_t value, json::string_view, Status&) {
    text_.clear();
    return add(value);
  }
  bool on_double(double, json::string_view rest, Status&) {
    // Boost's own value may be one digit off.
    const std::string text = gathered(rest);
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() && add(value);
  }
  bool on_bool(bool value, Status&) { return add(value); }
  bool on_null(Status&) { return add(nullptr); }
  bool on_comment_part(json::string_view, Status&) { return false; }
  bool on_comment(json::string_view, Status&) { return false; }

  [[nodiscard]] bool repeated() const { return repeated_; }
  [[nodiscard]] Json take() { return std::move(root_); }

 private:
  /// Of a key, string or number, which may come in parts where it holds escapes.
  bool gather(json::string_view part) {
    text_.append(part.data(), part.size());
    return true;
  }
  std::string gathered(json::string_view rest) {
    gather(rest);
    return std::exchange(text_, {});
  }
  template <typename Value>
  bool add(Value&& value) {
    place() = std::forward<Value>(value);
    return true;
  }
  bool open(Json::value_t kind) {
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

  Json root_;
  std::vector<Json*> open_;
  Json* member_{nullptr};  // of the innermost object, whose key was read
  std::string text_;
  bool repeated_{false};
};

}  // namespace

std::expected<Json, std::string> parse_object(std::string_view text, std::size_t max_depth) {
  json::parse_options strict;  // neither comments nor trailing commas nor octets that are no UTF-8
  strict.max_depth = max_depth;
  json::basic_parser<Builder> parser(strict);
  Status status;
  const std::size_t read = parser.write_some(false, text.data(), text.size(), status);
  if (parser.handler().repeated()) return std::unexpected("repeated_member");
  if (status == json::error::too_deep) return std::unexpected("nested_too_deeply");
  if (status || !parser.done() || read != text.size()) return std::unexpected("malformed_json");
  Json json = parser.handler().take();
  if (!json.is_object()) return std::unexpected("no_json_object");
  return json;
}

const std::string* find_string(const Json& object, const char* member) {
  const auto found = object.find(member);
  return found == object.end() ? nullptr : found->get_ptr<const std::string*>();
}

}  // namespace grantd::jose
