#include "server/cli/app.h"

#include <CLI/Error.hpp>
#include <exception>
#include <iostream>

#include "server/cli/arguments.h"
#include "server/cli/command.h"

namespace grantd::cli {
namespace {

/// "grantd client create", as far as the command line named commands.
std::string path_of(const CLI::App& root) {
  std::string path = root.get_name();
  const CLI::App* app = &root;
  for (auto below = app->get_subcommands(); !below.empty(); below = app->get_subcommands()) {
    app = below.front();
    path += ' ' + app->get_name();
  }
  return path;
}

/// CLI11's sentences repeat arguments whole; those of secrets and tokens must not come back.
std::string explain(const CLI::ParseError& error, const Tree& tree) {
  if (dynamic_cast<const CLI::ExtrasError*>(&error) == nullptr) return error.what();
  std::string text = "not understood:";
  for (const auto& argument : tree.root().remaining(true)) text += ' ' + repeatable(argument);
  return text;
}

int end_parsing(const CLI::ParseError& error, const Tree& tree) {
  if (dynamic_cast<const CLI::Success*>(&error) != nullptr) {
    tree.root().exit(error);
    return std::cout.flush() ? 0 : status_not_done;
  }
  say(explain(error, tree));
  say("see `" + path_of(tree.root()) + " --help`");
  return status_usage;
}

int run_chosen(const Tree& tree, const Serve& serve) {
  auto outcome = tree.chosen()(tree.invocation(serve));
  // A secret is shown once: where it could not be written, that must not look like success.
  if (outcome && !std::cout.flush()) outcome = could_not("stdout cannot be written");
  if (outcome) return 0;
  for (const auto& sentence : outcome.error().sentences) say(sentence);
  return outcome.error().status;
}

}  // namespace

int run(int argc, char** argv, const Serve& serve) {
  try {
    const auto tree = make_tree();
    try {
      tree->parse(prepare_arguments({argv + (argc > 0 ? 1 : 0), argv + argc}));
    } catch (const CLI::ParseError& error) {
      return end_parsing(error, *tree);
    }
    return run_chosen(*tree, serve);
  } catch (const std::exception& error) {
    say(error.what());
    return status_not_done;
  }
}

}  // namespace grantd::cli
