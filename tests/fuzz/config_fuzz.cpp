// A configuration file, and after a NUL octet the variables of an environment, one NAME=VALUE a
// line.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "config/load.h"

namespace {

grantd::config::Environment environment_of(std::string_view lines) {
  grantd::config::Environment environment;
  while (!lines.empty()) {
    const auto end = lines.find('\n');
    const auto line = lines.substr(0, end);
    const auto equals = line.find('=');
    if (equals != std::string_view::npos) {
      environment.emplace("GRANTD_" + std::string(line.substr(0, equals)), line.substr(equals + 1));
    }
    lines.remove_prefix(end == std::string_view::npos ? lines.size() : end + 1);
  }
  return environment;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace config = grantd::config;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto nul = input.find('\0');
  const auto text = input.substr(0, nul);
  const auto environment =
      nul == std::string_view::npos ? config::Environment{} : environment_of(input.substr(nul + 1));

  const auto parsed = config::parse(text, "/etc/grantd/grantd.json", environment);
  if (!parsed) {
    if (parsed.error().empty()) std::abort();
    for (const auto& fault : parsed.error()) static_cast<void>(config::describe(fault));
    return 0;
  }
  // What is in force reads back as itself, and needs no restart to become what it is.
  const auto shown = config::show(*parsed);
  const auto again = config::parse(shown, "/elsewhere/grantd.json", {});
  if (!again || config::show(*again) != shown) std::abort();
  if (!config::plan_reload(*parsed, *again).needs_restart.empty()) std::abort();
  return 0;
}
