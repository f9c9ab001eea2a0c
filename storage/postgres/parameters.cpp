#include "storage/postgres/parameters.h"

#include "storage/postgres/failure.h"

namespace grantd::storage::postgres {
namespace {

void refuse_nul(std::string_view text) {
  if (text.find('\0') == std::string_view::npos) return;
  throw Failure(Failure::Kind::answered, "22021", "a text with a NUL in it cannot be stored");
}

std::string hex_of(const Digest& digest) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string hex;
  hex.reserve(digest.size() * 2);
  for (const std::uint8_t octet : digest) {
    hex.push_back(digits[octet >> 4U]);
    hex.push_back(digits[octet & 0x0fU]);
  }
  return hex;
}

/// Appends an element of an array's text form, in quotes.
void append_element(std::string& array, std::string_view text) {
  refuse_nul(text);
  array.push_back('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') array.push_back('\\');
    array.push_back(c);
  }
  array.push_back('"');
}

/// `append(array, value)` for each.
template <typename T, typename Append>
std::string array_of(const std::vector<T>& values, const Append& append) {
  std::string array = "{";
  for (const T& value : values) {
    if (array.size() > 1) array.push_back(',');
    append(array, value);
  }
  array.push_back('}');
  return array;
}

}  // namespace

void Parameters::add(std::string_view text) {
  refuse_nul(text);
  add_text(std::string(text));
}

void Parameters::add(Octets octets) { values_.push_back({std::string(octets.view), true}); }

void Parameters::add(const Digest& digest) {
  values_.push_back({std::string(digest.begin(), digest.end()), true});
}

void Parameters::add(const std::vector<std::int64_t>& values) {
  add_text(array_of(
      values, [](std::string& array, std::int64_t value) { array += std::to_string(value); }));
}

void Parameters::add(const std::vector<sys_seconds>& values) {
  add_text(array_of(values, [](std::string& array, sys_seconds value) {
    array += std::to_string(value.time_since_epoch().count());
  }));
}

void Parameters::add(const std::vector<std::string>& values) {
  add_text(array_of(values, append_element));
}

void Parameters::add(const std::vector<std::string_view>& values) {
  add_text(array_of(values, append_element));
}

void Parameters::add(const std::vector<Digest>& values) {
  add_text(array_of(values, [](std::string& array, const Digest& value) {
    array += R"("\\x)" + hex_of(value) + '"';
  }));
}

Parameters::Arrays Parameters::arrays() const {
  Arrays arrays;
  for (const Value& value : values_) {
    arrays.values.push_back(value.content ? value.content->c_str() : nullptr);
    arrays.lengths.push_back(value.content ? static_cast<int>(value.content->size()) : 0);
    arrays.formats.push_back(value.binary ? 1 : 0);
  }
  return arrays;
}

}  // namespace grantd::storage::postgres
