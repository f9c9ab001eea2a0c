/// Maps from a URI to an object (`audiences`, `exchange.issuers`): one table of the object's
/// members yields parsing, faults, JSON Schema and the reference page. Private to config/.
#pragma once

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/field.h"

namespace grantd::config {

inline constexpr std::size_t max_map_entries = 1000;

/// What schema and page say of a member.
struct MemberWords {
  std::string key{};
  std::string expected{};
  std::string fallback{};  // in words or JSON; empty: required
  std::string meaning{};
  OrderedJson schema{};
};

template <typename T>
struct Member {
  MemberWords words{};
  /// Whether the value was sound. `base` is what relative paths start from.
  std::function<bool(const Json& value, const std::filesystem::path& base, T& into)> read{};
  std::function<void(const T& from, OrderedJson& object)> write{};
};

/// What a map's keys are.
struct KeyWords {
  std::string expected{};  // of a key
  OrderedJson schema{};
  bool (*is_key)(std::string_view){nullptr};
};

/// "one of "a", "b", "c"".
[[nodiscard]] std::string one_of_keys(const std::vector<MemberWords>& members);
[[nodiscard]] std::string map_expected(std::string_view what);
[[nodiscard]] OrderedJson map_schema(const KeyWords& keys, const std::vector<MemberWords>& members);

template <typename T>
[[nodiscard]] std::vector<MemberWords> words_of(const std::vector<Member<T>>& members) {
  std::vector<MemberWords> words;
  words.reserve(members.size());
  for (const auto& each : members) words.push_back(each.words);
  return words;
}

template <typename T>
T read_members(const Json& value, const std::string& label, const std::filesystem::path& base,
               const std::vector<Member<T>>& members, Faults& faults) {
  T made;
  for (const auto& [key, found] : value.items()) {
    const auto member = std::ranges::find(
        members, key, [](const Member<T>& each) -> const std::string& { return each.words.key; });
    if (member == members.end()) {
      faults.push_back(
          {label, "the unknown key " + found_text(key), one_of_keys(words_of(members))});
    } else if (!member->read(found, base, made)) {
      faults.push_back({label + "." + key, found_text(found), member->words.expected});
    }
  }
  for (const auto& each : members) {
    if (each.words.fallback.empty() && !value.contains(each.words.key)) {
      faults.push_back({label + "." + each.words.key, "nothing", each.words.expected});
    }
  }
  return made;
}

/// Faults are labelled `audiences["https://api.example.com"].scopes`.
template <typename T>
void read_map(const Json& value, const std::string& label, const std::filesystem::path& base,
              const KeyWords& keys, const std::vector<Member<T>>& members,
              std::map<std::string, T, std::less<>>& into, Faults& faults) {
  if (!value.is_object() || value.size() > max_map_entries) {
    faults.push_back({label, found_text(value), map_expected(label)});
    return;
  }
  for (const auto& [key, object] : value.items()) {
    const std::string name = child_path(label, key);
    if (!keys.is_key(key)) faults.push_back({label, "the key " + found_text(key), keys.expected});
    if (!object.is_object()) {
      faults.push_back(
          {name, found_text(object), "an object with " + one_of_keys(words_of(members))});
      continue;
    }
    into.insert_or_assign(key, read_members(object, name, base, members, faults));
  }
}

template <typename T>
[[nodiscard]] OrderedJson write_map(const std::map<std::string, T, std::less<>>& map,
                                    const std::vector<Member<T>>& members) {
  OrderedJson written = OrderedJson::object();
  for (const auto& [key, value] : map) {
    OrderedJson object = OrderedJson::object();
    for (const auto& each : members) each.write(value, object);
    written[key] = std::move(object);
  }
  return written;
}

/// A member whose values a codec knows; `at` finds it in a T, const or not.
template <typename T, typename V, typename At>
[[nodiscard]] Member<T> member(MemberWords words, const Codec<V>& codec, At at) {
  words.expected = codec.expected;
  words.schema = codec.schema;
  Member<T> made;
  made.words = std::move(words);
  made.read = [codec, at](const Json& value, const std::filesystem::path& base, T& into) {
    auto decoded = codec.decode(value, base);
    if (!decoded) return false;
    at(into) = *std::move(decoded);
    return true;
  };
  made.write = [codec, at, key = made.words.key](const T& from, OrderedJson& object) {
    object[key] = codec.encode(at(from));
  };
  return made;
}

}  // namespace grantd::config
