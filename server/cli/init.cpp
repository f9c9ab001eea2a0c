#include <memory>

#include "config/load.h"
#include "server/base/files.h"
#include "server/base/random.h"
#include "server/cli/command.h"
#include "server/cli/context.h"
#include "server/cli/output.h"
#include "server/clients/peppers.h"

namespace grantd::cli {
namespace {

struct InitOptions {
  std::string directory{};
  Text issuer{};
};

/// The steps, in an order that leaves nothing half done where the directory is in use already.
std::expected<void, FileError> write_all(const std::filesystem::path& directory,
                                         const std::string& configuration) {
  for (const auto& each : {directory, directory / "keys", directory / "tls"}) {
    if (auto made = make_private_directory(each); !made) return made;
  }
  SystemRandom random;
  const auto pepper = clients::Peppers::generate_line(random);
  if (auto written = write_private_file(directory / "pepper", pepper.view(), IfExists::refuse);
      !written) {
    return written;
  }
  return write_public_file(directory / "grantd.json", configuration, IfExists::refuse);
}

Outcome<void> init(const Invocation& invocation, const InitOptions& options) {
  if (!options.issuer) return makes_no_sense("--issuer is required");
  const std::filesystem::path directory = options.directory;
  const auto file = directory / "grantd.json";
  const auto configuration = config::render_example(*options.issuer);
  if (const auto parsed = config::parse(configuration, file, {}); !parsed) {
    return std::unexpected(configuration_faults(parsed.error()));
  }
  std::error_code error;
  for (const auto& each : {file, directory / "pepper"}) {
    if (std::filesystem::exists(std::filesystem::symlink_status(each, error))) {
      return could_not(each.string() + " exists already and is not overwritten");
    }
  }
  if (const auto written = write_all(directory, configuration); !written) {
    return could_not(written.error());
  }
  print(invocation,
        {{"configuration", file.string()}, {"pepper", (directory / "pepper").string()}});
  say("next: put the certificate and its key where " + file.string() +
      " says (listen.tls), keep a copy of the pepper apart from the database, then run");
  for (const std::string command : {"config check", "migrate", "client create ID", "serve"}) {
    say("  grantd " + command + " --config " + file.string());
  }
  return {};
}

}  // namespace

void add_init_command(Tree& tree) {
  const auto options = std::make_shared<InitOptions>();
  auto command =
      tree.command("init", "a commented configuration and a pepper to start from",
                   "grantd init /etc/grantd --issuer https://auth.example.com",
                   [options](const Invocation& invocation) { return init(invocation, *options); });
  command.argument("DIR", options->directory, "made where it is missing; nothing is overwritten");
  command.value("--issuer", "URL", options->issuer, "what stands in the tokens as `iss`")
      .required();
}

}  // namespace grantd::cli
