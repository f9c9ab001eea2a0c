#include "tests/support/installation.h"

#include <stdexcept>

namespace grantd::testing {
namespace {

void expect_done(const ProcessResult& result) {
  if (result.status != 0) {
    throw std::runtime_error("status " + std::to_string(result.status) + ": " + result.err);
  }
}

}  // namespace

ProcessResult grantd(const Arguments& arguments, const ProcessEnvironment& environment,
                     std::string_view input) {
  Arguments command{GRANTD_BINARY};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return testing::run(command, environment, input);
}

Installation::Installation(Database database, const std::string& storage_url) {
  Arguments arguments{"init", directory().string(), "--issuer", issuer};
  if (!storage_url.empty()) arguments.insert(arguments.end(), {"--storage", storage_url});
  expect_done(grantd(arguments));
  if (database == Database::migrated) expect_done(run({"migrate"}));
}

ProcessResult Installation::run(Arguments arguments, const ProcessEnvironment& environment,
                                std::string_view input) const {
  arguments.insert(arguments.begin(), {"--config", (directory() / "grantd.json").string()});
  return grantd(arguments, environment, input);
}

nlohmann::json Installation::json(Arguments arguments, std::string_view input) const {
  arguments.insert(arguments.begin(), "--json");
  const auto result = run(std::move(arguments), {}, input);
  expect_done(result);
  return nlohmann::json::parse(result.out);
}

std::string Installation::create_client(const std::string& id, const Arguments& options) const {
  Arguments arguments{"client", "create", id};
  arguments.insert(arguments.end(), options.begin(), options.end());
  return json(arguments).at("client_secret");
}

}  // namespace grantd::testing
