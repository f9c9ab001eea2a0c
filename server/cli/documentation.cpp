#include <functional>
#include <iostream>
#include <map>
#include <memory>

#include "config/load.h"
#include "server/cli/command.h"

namespace grantd::cli {
namespace {

constexpr auto example_issuer = "https://auth.example.com";

Outcome<void> write_page(const CLI::App& root, const std::string& page) {
  const std::map<std::string, std::function<std::string()>> pages = {
      {"man", [&] { return render_man_page(root); }},
      {"bash-completion", [&] { return render_bash_completion(root); }},
      {"config-schema", [] { return config::render_json_schema(); }},
      {"config-example", [] { return config::render_example(example_issuer); }},
      {"config-reference", [] { return config::render_reference(); }}};
  const auto found = pages.find(page);
  if (found == pages.end()) {
    return makes_no_sense(
        "expected man, bash-completion, config-schema, config-example or config-reference");
  }
  std::cout << found->second();
  return {};
}

}  // namespace

/// Hidden: it is for the build and the packages, which keep the pages as files.
void add_documentation_command(Tree& tree) {
  const auto page = std::make_shared<std::string>();
  auto command = tree.command(
      "documentation", "write one of the generated pages to stdout", "grantd documentation man",
      [page, &root = tree.root()](const Invocation&) { return write_page(root, *page); });
  command.argument("PAGE", *page,
                   "man, bash-completion, config-schema, config-example or config-reference");
  tree.root().get_subcommand("documentation")->group("");
}

}  // namespace grantd::cli
