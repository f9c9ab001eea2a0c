#include "server/cli/command.h"

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <iostream>
#include <utility>

#include "server/cli/output.h"

namespace grantd::cli {
namespace {

CLI::Option& named(CLI::Option* option, const std::string& kind) {
  option->type_name(kind);
  return *option;
}

/// CLI11's own conversions treat "", "{}" and "[a,b]" as something special; a scope or a name may
/// be any of these.
CLI::callback_t store(Text& into) {
  return [&into](const CLI::results_t& given) {
    into = given.at(0);
    return true;
  };
}

}  // namespace

std::unexpected<Failure> could_not(std::string sentence) {
  return std::unexpected(Failure{status_not_done, {std::move(sentence)}});
}

std::unexpected<Failure> makes_no_sense(std::string sentence) {
  return std::unexpected(Failure{status_usage, {std::move(sentence)}});
}

void say(std::string_view sentence) { std::cerr << "grantd: " << harmless(sentence) << '\n'; }

CLI::Option& Command::argument(const std::string& name, std::string& into,
                               const std::string& meaning) {
  auto* option = app_->add_option(
      name,
      [&into](const CLI::results_t& given) {
        into = given.at(0);
        return true;
      },
      meaning);
  option->required();
  return named(option, "");
}

CLI::Option& Command::optional_argument(const std::string& name, Text& into,
                                        const std::string& meaning) {
  return named(app_->add_option(name, store(into), meaning), "");
}

CLI::Option& Command::value(const std::string& name, const std::string& kind, Text& into,
                            const std::string& meaning) {
  return named(app_->add_option(name, store(into), meaning), kind);
}

CLI::Option& Command::values(const std::string& name, const std::string& kind, Texts& into,
                             const std::string& meaning) {
  auto* option = app_->add_option(
      name,
      [&into](const CLI::results_t& given) {
        into = given;
        return true;
      },
      meaning + "; may be repeated");
  option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  return named(option, kind);
}

CLI::Option& Command::flag(const std::string& name, bool& into, const std::string& meaning) {
  return *app_->add_flag(name, into, meaning);
}

void Command::exclude(const std::string& name, const std::string& other) {
  app_->get_option(name)->excludes(app_->get_option(other));
}

Tree::Tree() : root_("OAuth 2.0 authorization server for machine-to-machine tokens", "grantd") {
  const auto formatter = std::make_shared<CLI::Formatter>();
  formatter->label("REQUIRED", "");
  formatter->label("SUBCOMMAND", "COMMAND");
  formatter->label("Subcommands", "Commands");
  formatter->label("Positionals", "Arguments");
  root_.formatter(formatter);
  root_.require_subcommand(1);
  root_.set_help_flag("-h,--help", "what the command does, and an example");
  root_.set_version_flag("--version", std::string("grantd ") + GRANTD_VERSION, "the version");
  root_.footer("Example:\n  grantd serve --dev");
  add_common_options(root_);
}

void Tree::add_common_options(CLI::App& app) {
  app.add_option(
         "--config",
         [this](const CLI::results_t& given) {
           if (config_file_) throw CLI::ArgumentMismatch("--config was given twice");
           config_file_ = given.at(0);
           return true;
         },
         "the configuration; else $GRANTD_CONFIG, else /etc/grantd/grantd.json")
      ->type_name("FILE");
  app.add_flag_callback("--json", [this] { json_ = true; }, "one JSON document on stdout");
}

CLI::App& Tree::group(const std::string& name, const std::string& meaning,
                      const std::string& example) {
  auto* app = root_.add_subcommand(name, meaning);
  app->require_subcommand(1);
  app->group("Commands");
  app->footer("Example:\n  " + example);
  add_common_options(*app);
  return *app;
}

Command Tree::command(const std::string& name, const std::string& meaning,
                      const std::string& example, Run run) {
  return command(root_, name, meaning, example, std::move(run));
}

Command Tree::command(CLI::App& group, const std::string& name, const std::string& meaning,
                      const std::string& example, Run run) {
  auto* app = group.add_subcommand(name, meaning);
  app->group("Commands");
  app->footer("Example:\n  " + example);
  add_common_options(*app);
  runs_.emplace(app, std::move(run));
  return Command(*app);
}

void Tree::parse(std::vector<std::string> arguments) {
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  root_.parse(std::move(reversed));
}

const Run& Tree::chosen() const {
  const CLI::App* app = &root_;
  for (auto below = app->get_subcommands(); !below.empty(); below = app->get_subcommands()) {
    app = below.front();
  }
  return runs_.at(app);
}

Invocation Tree::invocation(const Serve& serve) const {
  return Invocation{config_file_, json_, serve};
}

std::vector<const CLI::App*> visible_commands(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* command) { return !command->get_group().empty(); });
}

std::unique_ptr<Tree> make_tree() {
  auto tree = std::make_unique<Tree>();
  add_serve_command(*tree);
  add_init_command(*tree);
  add_config_commands(*tree);
  add_client_commands(*tree);
  add_secret_commands(*tree);
  add_key_commands(*tree);
  add_token_commands(*tree);
  add_backup_command(*tree);
  add_migrate_command(*tree);
  add_storage_commands(*tree);
  add_health_command(*tree);
  add_documentation_command(*tree);
  return tree;
}

}  // namespace grantd::cli
