#include "server/jose/strict_json.h"

#include <set>
#include <utility>
#include <vector>

namespace grantd::jose {
namespace {

using Json = nlohmann::json;

/// Watches the parser; the first fault is the one that counts.
class Watch {
 public:
  explicit Watch(std::size_t max_depth) : max_depth_(max_depth) {}

  /// Nlohmann's parser_callback_t: false drops the value, which keeps a hostile text from growing.
  bool operator()(Json::parse_event_t event, const Json& parsed) {
    switch (event) {
      case Json::parse_event_t::object_start:
      case Json::parse_event_t::array_start:
        open_.emplace_back();
        if (open_.size() > max_depth_) blame("nested_too_deeply");
        break;
      case Json::parse_event_t::object_end:
      case Json::parse_event_t::array_end:
        open_.pop_back();
        break;
      case Json::parse_event_t::key:
        if (!open_.back().insert(parsed.get_ref<const std::string&>()).second) {
          blame("repeated_member");
        }
        break;
      case Json::parse_event_t::value:
        break;
    }
    return fault_ == nullptr;
  }

  [[nodiscard]] const char* fault() const { return fault_; }

 private:
  void blame(const char* fault) {
    if (fault_ == nullptr) fault_ = fault;
  }

  std::size_t max_depth_;
  std::vector<std::set<std::string, std::less<>>> open_;  // member names, one set a level
  const char* fault_{nullptr};
};

}  // namespace

std::expected<Json, std::string> parse_object(std::string_view text, std::size_t max_depth) {
  // The parser takes NUL for the end of the text and passes over a byte order mark.
  if (text.contains('\0') || text.starts_with("\xEF\xBB\xBF")) {
    return std::unexpected("malformed_json");
  }
  Watch watch(max_depth);
  Json json = Json::parse(
      text, [&watch](int, Json::parse_event_t event, Json& parsed) { return watch(event, parsed); },
      false);
  if (watch.fault() != nullptr) return std::unexpected(watch.fault());
  if (json.is_discarded()) return std::unexpected("malformed_json");
  if (!json.is_object()) return std::unexpected("no_json_object");
  return json;
}

const std::string* find_string(const Json& object, const char* member) {
  const auto found = object.find(member);
  return found == object.end() ? nullptr : found->get_ptr<const std::string*>();
}

}  // namespace grantd::jose
