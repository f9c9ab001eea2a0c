#include <map>
#include <memory>
#include <vector>

#include "config/load.h"
#include "server/base/files.h"
#include "server/base/key_lines.h"
#include "server/base/random.h"
#include "server/cli/command.h"
#include "server/cli/context.h"
#include "server/cli/output.h"

namespace grantd::cli {
namespace {

constexpr std::string_view postgres_prefix = "postgresql://";
constexpr auto pepper_name = "pepper";
constexpr auto wrapping_key_name = "wrapping_key";

struct InitOptions {
  std::string directory{};
  Text issuer{};
  Text storage{};
};

bool on_postgres(const InitOptions& options) {
  return options.storage && options.storage->starts_with(postgres_prefix);
}

std::string render_configuration(const InitOptions& options) {
  std::map<std::string, std::string, std::less<>> values;
  if (options.storage) values["storage.url"] = Document(*options.storage).dump();
  if (on_postgres(options)) {
    values["keys.store"] = Document("database").dump();
    values["keys.wrapping_key_file"] = Document(wrapping_key_name).dump();
  }
  return config::render_example(*options.issuer, values);
}

/// Files that hold a line of random hex digits each.
std::vector<std::filesystem::path> key_files(const InitOptions& options) {
  const std::filesystem::path directory = options.directory;
  std::vector<std::filesystem::path> files{directory / pepper_name};
  if (on_postgres(options)) files.push_back(directory / wrapping_key_name);
  return files;
}

/// The steps, in an order that leaves nothing half done where the directory is in use already.
std::expected<void, FileError> write_all(const InitOptions& options,
                                         const std::string& configuration) {
  const std::filesystem::path directory = options.directory;
  std::vector<std::filesystem::path> directories{directory, directory / "tls"};
  if (!on_postgres(options)) directories.push_back(directory / "keys");
  for (const auto& each : directories) {
    if (auto made = make_private_directory(each); !made) return made;
  }
  SystemRandom random;
  for (const auto& each : key_files(options)) {
    const auto line = generate_key_line(random);
    if (auto written = write_private_file(each, line.view(), IfExists::refuse); !written) {
      return written;
    }
  }
  return write_public_file(directory / "grantd.json", configuration, IfExists::refuse);
}

void say_what_is_next(const InitOptions& options, const std::filesystem::path& file) {
  say("next: put the certificate and its key where " + file.string() +
      " says (listen.tls), keep a copy of the pepper apart from the database, then run");
  if (on_postgres(options)) {
    say("before that: make the database and its role; put the role's password into a file of mode "
        "0600 and name it in storage.password_file; keep a copy of the wrapping key, too: without "
        "it the signing keys in the database are lost; every node gets the same pepper, wrapping "
        "key and configuration");
  }
  for (const std::string command : {"config check", "migrate", "client create ID", "serve"}) {
    say("  grantd " + command + " --config " + file.string());
  }
}

Outcome<void> init(const Invocation& invocation, const InitOptions& options) {
  if (!options.issuer) return makes_no_sense("--issuer is required");
  const auto file = std::filesystem::path(options.directory) / "grantd.json";
  const auto configuration = render_configuration(options);
  if (const auto parsed = config::parse(configuration, file, {}); !parsed) {
    return std::unexpected(configuration_faults(parsed.error()));
  }
  const auto secrets = key_files(options);
  auto files = secrets;
  files.push_back(file);
  std::error_code error;
  for (const auto& each : files) {
    if (std::filesystem::exists(std::filesystem::symlink_status(each, error))) {
      return could_not(each.string() + " exists already and is not overwritten");
    }
  }
  if (const auto written = write_all(options, configuration); !written) {
    return could_not(written.error());
  }
  Document document{{"configuration", file.string()}, {"pepper", secrets.front().string()}};
  if (on_postgres(options)) document["wrapping_key"] = secrets.back().string();
  print(invocation, document);
  say_what_is_next(options, file);
  return {};
}

}  // namespace

void add_init_command(Tree& tree) {
  const auto options = std::make_shared<InitOptions>();
  auto command =
      tree.command("init", "a commented configuration and the keys to start from",
                   "grantd init /etc/grantd --issuer https://auth.example.com",
                   [options](const Invocation& invocation) { return init(invocation, *options); });
  command.argument("DIR", options->directory, "made where it is missing; nothing is overwritten");
  command.value("--issuer", "URL", options->issuer, "what stands in the tokens as `iss`")
      .required();
  command.value("--storage", "URL", options->storage,
                "where the clients are: sqlite:PATH, or postgresql://USER@HOST/DATABASE for "
                "several nodes");
}

}  // namespace grantd::cli
