#include <memory>

#include "server/cli/command.h"
#include "server/cli/context.h"
#include "server/cli/development.h"

namespace grantd::cli {
namespace {

constexpr auto default_development_directory = "./grantd-dev";

struct ServeOptions {
  bool development{false};
  Text directory{};
};

Outcome<ServeRequest> request_of(const Invocation& invocation, const ServeOptions& options) {
  if (options.development) {
    if (invocation.config_file) return makes_no_sense("--dev and --config exclude each other");
    return prepare_development(options.directory.value_or(default_development_directory));
  }
  if (options.directory) return makes_no_sense("--dir needs --dev");
  auto config = load_configuration(invocation);
  if (!config) return std::unexpected(config.error());
  return ServeRequest{std::move(*config), config::process_environment(),
                      [](std::uint16_t, std::uint16_t) {}};
}

Outcome<void> serve(const Invocation& invocation, const ServeOptions& options) {
  const auto request = request_of(invocation, options);
  if (!request) return std::unexpected(request.error());
  if (const int status = invocation.serve(*request); status != 0) {
    return std::unexpected(Failure{status, {}});
  }
  return {};
}

}  // namespace

void add_serve_command(Tree& tree) {
  const auto options = std::make_shared<ServeOptions>();
  auto command =
      tree.command("serve", "run the server", "grantd serve --config /etc/grantd/grantd.json",
                   [options](const Invocation& invocation) { return serve(invocation, *options); });
  command.flag("--dev", options->development,
               "without any configuration, for trying it out: makes certificates, a database and "
               "a client `demo`; not for production");
  command.value("--dir", "DIR", options->directory,
                "with --dev: where all that is kept (default: ./grantd-dev)");
}

}  // namespace grantd::cli
