/// What the files of this folder share: how a command joins the tree, what it is run with, and how
/// it ends. Private to server/cli.
#pragma once

#include <CLI/App.hpp>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/cli/app.h"

namespace grantd::cli {

/// Why a command ends with another status than 0; each sentence becomes a line on stderr.
struct Failure {
  int status{1};
  std::vector<std::string> sentences{};
};

template <typename T>
using Outcome = std::expected<T, Failure>;

inline constexpr int status_not_done = 1;
inline constexpr int status_usage = 2;

/// Not found, exists already, not in this state.
[[nodiscard]] std::unexpected<Failure> could_not(std::string sentence);
/// Usage, a value that makes no sense, or configuration.
[[nodiscard]] std::unexpected<Failure> makes_no_sense(std::string sentence);

/// "grantd: sentence" on stderr.
void say(std::string_view sentence);

/// What stands outside a command's own options.
struct Invocation {
  std::optional<std::string> config_file{};
  bool json{false};
  Serve serve{};
};

using Run = std::function<Outcome<void>(const Invocation&)>;

/// An option that was not given is absent.
using Text = std::optional<std::string>;
using Texts = std::optional<std::vector<std::string>>;

/// One node of the tree while it is built. What the setters write to must outlive the parsing.
class Command {
 public:
  explicit Command(CLI::App& app) : app_(&app) {}

  CLI::Option& argument(const std::string& name, std::string& into, const std::string& meaning);
  CLI::Option& optional_argument(const std::string& name, Text& into, const std::string& meaning);
  CLI::Option& value(const std::string& name, const std::string& kind, Text& into,
                     const std::string& meaning);
  /// May be repeated.
  CLI::Option& values(const std::string& name, const std::string& kind, Texts& into,
                      const std::string& meaning);
  CLI::Option& flag(const std::string& name, bool& into, const std::string& meaning);
  /// Of two options, at most one may be given.
  void exclude(const std::string& name, const std::string& other);

 private:
  CLI::App* app_;
};

/// The command tree: from it come parsing, `--help`, the man page and the bash completion.
class Tree {
 public:
  Tree();
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;

  /// "client", with commands below it.
  CLI::App& group(const std::string& name, const std::string& meaning, const std::string& example);
  /// `example` is one command line or more; it ends the command's --help.
  Command command(const std::string& name, const std::string& meaning, const std::string& example,
                  Run run);
  Command command(CLI::App& group, const std::string& name, const std::string& meaning,
                  const std::string& example, Run run);

  [[nodiscard]] CLI::App& root() { return root_; }
  [[nodiscard]] const CLI::App& root() const { return root_; }

  /// Throws CLI::ParseError, also for --help and --version.
  void parse(std::vector<std::string> arguments);
  /// The command that was parsed.
  [[nodiscard]] const Run& chosen() const;
  [[nodiscard]] Invocation invocation(const Serve& serve) const;

 private:
  void add_common_options(CLI::App& app);

  CLI::App root_;
  std::map<const CLI::App*, Run> runs_;
  Text config_file_;
  bool json_{false};
};

// One a file of the same name.
void add_serve_command(Tree& tree);
void add_init_command(Tree& tree);
void add_config_commands(Tree& tree);
void add_client_commands(Tree& tree);
void add_secret_commands(Tree& tree);
void add_key_commands(Tree& tree);
void add_token_commands(Tree& tree);
void add_backup_command(Tree& tree);
void add_migrate_command(Tree& tree);
void add_storage_commands(Tree& tree);
void add_health_command(Tree& tree);
void add_documentation_command(Tree& tree);

/// All of them.
[[nodiscard]] std::unique_ptr<Tree> make_tree();

/// Rendered from the tree: docs/grantd.1 and docs/grantd.bash-completion.
[[nodiscard]] std::string render_man_page(const CLI::App& root);
[[nodiscard]] std::string render_bash_completion(const CLI::App& root);

/// The nodes that people should see, in the order of the tree.
[[nodiscard]] std::vector<const CLI::App*> visible_commands(const CLI::App& app);

}  // namespace grantd::cli
