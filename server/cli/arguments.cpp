#include "server/cli/arguments.h"

#include <algorithm>
#include <utility>

#include "server/base/text.h"

namespace grantd::cli {
namespace {

constexpr std::size_t kid_characters = 43;
constexpr std::string_view config_option = "--config";
constexpr std::string_view end_of_options = "--";

bool is_base64url(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

bool is_kid_like_an_option(const std::string& text) {
  return text.size() == kid_characters && text.starts_with('-') &&
         std::ranges::all_of(text, is_base64url);
}

/// Whether the words that are no options begin with `key retire`.
bool is_key_retire(const std::vector<std::string>& arguments) {
  std::vector<std::string> words;
  for (std::size_t i = 0; i < arguments.size() && words.size() < 2; ++i) {
    if (arguments[i] == config_option) {
      ++i;
    } else if (!arguments[i].starts_with('-')) {
      words.push_back(arguments[i]);
    }
  }
  return words == std::vector<std::string>{"key", "retire"};
}

/// Behind "--", where nothing is an option.
std::vector<std::string> with_kid_last(std::vector<std::string> arguments) {
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    if (arguments[i] == end_of_options) break;
    if (arguments[i - 1] == config_option || !is_kid_like_an_option(arguments[i])) continue;
    std::string kid = std::move(arguments[i]);
    arguments.erase(arguments.begin() + static_cast<std::ptrdiff_t>(i));
    arguments.emplace_back(end_of_options);
    arguments.push_back(std::move(kid));
    break;
  }
  return arguments;
}

}  // namespace

std::vector<std::string> prepare_arguments(std::vector<std::string> arguments) {
  std::vector<std::string> prepared;
  bool options = true;
  for (auto& argument : arguments) {
    options = options && argument != end_of_options;
    const bool empty_value = options && argument.size() > 3 && argument.starts_with("--") &&
                             argument.find('=') == argument.size() - 1;
    if (empty_value) argument.pop_back();
    prepared.push_back(std::move(argument));
    if (empty_value) prepared.emplace_back();
  }
  return is_key_retire(prepared) ? with_kid_last(std::move(prepared)) : prepared;
}

std::string repeatable(const std::string& argument) {
  if (argument.size() > max_repeated_characters) {
    return "an argument of " + std::to_string(argument.size()) + " characters";
  }
  std::string quoted;
  append_json_string(quoted, argument);
  return quoted;
}

}  // namespace grantd::cli
