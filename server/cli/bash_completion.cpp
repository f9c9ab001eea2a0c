/// docs/grantd.bash-completion, rendered from the command tree.
#include <algorithm>
#include <sstream>

#include "server/cli/command.h"

namespace grantd::cli {
namespace {

std::string words_of(const CLI::App& app) {
  std::string words;
  for (const auto* command : visible_commands(app)) words += command->get_name() + ' ';
  for (const auto* option : app.get_options()) {
    if (!option->get_positional()) words += "--" + option->get_lnames().front() + ' ';
  }
  words.pop_back();  // --help is always there
  return words;
}

void write_cases(std::ostream& out, const CLI::App& app, const std::string& path) {
  out << "    '" << path << "') words='" << words_of(app) << "' ;;\n";
  for (const auto* command : visible_commands(app)) {
    write_cases(out, *command, path + '/' + command->get_name());
  }
}

/// Options that take a value, as a pattern of `case`.
void collect_valued(const CLI::App& app, std::vector<std::string>& valued) {
  for (const auto* option : app.get_options()) {
    if (option->get_positional() || option->get_type_name().empty()) continue;
    const auto name = "--" + option->get_lnames().front();
    if (std::ranges::find(valued, name) == valued.end()) valued.push_back(name);
  }
  for (const auto* command : visible_commands(app)) collect_valued(*command, valued);
}

std::string pattern(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : "|") + name;
  return text;
}

}  // namespace

std::string render_bash_completion(const CLI::App& root) {
  std::vector<std::string> valued;
  collect_valued(root, valued);
  auto free_text = valued;
  std::erase_if(free_text, [](const std::string& name) {
    return name == "--config" || name == "--from-file" || name == "--dir" ||
           name == "--auth-method";
  });
  std::ostringstream out;
  out << R"bash(# Made by `grantd documentation bash-completion`; a test compares.
_grantd_words() {
  local words=
  case "$1" in
)bash";
  write_cases(out, root, "");
  out << R"bash(    *) return 1 ;;
  esac
  printf '%s' "$words"
}

_grantd() {
  local current=${COMP_WORDS[COMP_CWORD]} path='' word i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    case "$word" in
      )bash"
      << pattern(valued) << R"bash() i=$((i + 1)) ;;
      -*) ;;
      *) if _grantd_words "$path/$word" >/dev/null; then path+="/$word"; fi ;;
    esac
  done
  COMPREPLY=()
  case "${COMP_WORDS[COMP_CWORD - 1]}" in
    --config|--from-file|--dir) mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    --auth-method)
      mapfile -t COMPREPLY < <(compgen -W 'client_secret_basic client_secret_post' -- "$current") ;;
    )bash"
      << pattern(free_text) << R"bash() ;;
    *) mapfile -t COMPREPLY < <(compgen -W "$(_grantd_words "$path")" -- "$current") ;;
  esac
  case "$path" in
    /init|/backup|/key/import)
      if [[ $current != -* ]]; then
        mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$current")
      fi ;;
  esac
}

complete -o filenames -F _grantd grantd
)bash";
  return out.str();
}

}  // namespace grantd::cli
