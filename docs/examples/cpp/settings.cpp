#include "settings.h"

#include <charconv>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <stdexcept>

namespace example {

std::string setting(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0')
    throw std::runtime_error(std::string(name) + " is not set");
  return value;
}

std::string setting(const char* name, std::string_view otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? std::string(otherwise) : std::string(value);
}

Settings Settings::from_environment() {
  Settings settings;
  settings.bind = setting("BIND", "127.0.0.1");
  settings.issuer = setting("ISSUER");
  settings.ca_file = setting("CA_FILE");
  settings.client_id = setting("CLIENT_ID");
  settings.client_secret_file = setting("CLIENT_SECRET_FILE");
  settings.audience = setting("AUDIENCE");
  const std::string port = setting("PORT", "0");
  const auto [end, fault] = std::from_chars(port.data(), port.data() + port.size(), settings.port);
  if (fault != std::errc() || end != port.data() + port.size())
    throw std::runtime_error("PORT is no port number");
  return settings;
}

std::string Settings::endpoint(std::string_view path) const {
  std::string url = issuer;
  if (url.ends_with('/')) url.pop_back();
  return url.append(path);
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path);
  std::string content{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (content.ends_with('\n')) content.pop_back();
  return content;
}

void log_line(std::string_view text) {
  std::string line(text);
  line += '\n';
  std::cerr << line;  // one write, so that threads do not mix their lines
}

}  // namespace example
