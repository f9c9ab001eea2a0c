/// docs/grantd.1, rendered from the command tree.
#include <sstream>

#include "server/cli/command.h"

namespace grantd::cli {
namespace {

/// Text as roff takes it: '-' a hyphen-minus that can be copied, no line that begins a request.
std::string roff(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n')) {
      out += std::string("\\&") + c;
    } else {
      out += c;
    }
  }
  return out;
}

std::vector<const CLI::Option*> options_of(const CLI::App& app, bool positional) {
  return app.get_options([&app, positional](const CLI::Option* option) {
    return option->get_positional() == positional && option != app.get_help_ptr() &&
           !option->get_group().empty();
  });
}

bool is_common(const CLI::Option& option) {
  return option.get_name() == "--config" || option.get_name() == "--json";
}

void write_entry(std::ostream& out, const CLI::Option& option) {
  const bool positional = option.get_positional();
  out << ".TP\n";
  if (positional) {
    out << "\\fI" << roff(option.get_name(true)) << "\\fR\n";
  } else {
    out << "\\fB" << roff(option.get_name(false, true)) << "\\fR";
    if (!option.get_type_name().empty()) out << " \\fI" << roff(option.get_type_name()) << "\\fR";
    out << '\n';
  }
  out << roff(option.get_description()) << '\n';
}

/// "grantd client create ID [OPTION]..."
std::string synopsis(const CLI::App& app, const std::string& path) {
  std::string line = "\\fB" + roff(path) + "\\fR";
  for (const auto* argument : options_of(app, true)) {
    const auto name = "\\fI" + roff(argument->get_name(true)) + "\\fR";
    line += argument->get_required() ? ' ' + name : " [" + name + ']';
  }
  for (const auto* option : options_of(app, false)) {
    if (!is_common(*option)) return line + " [\\fIOPTION\\fR]...";
  }
  return line;
}

/// "Example:\n  grantd …" without its first line.
std::string example_of(const CLI::App& app) {
  const auto& footer = app.get_footer();
  return footer.substr(footer.find('\n') + 1);
}

void write_command(std::ostream& out, const CLI::App& app, const std::string& path) {
  const auto below = visible_commands(app);
  if (!below.empty()) {
    for (const auto* command : below) {
      write_command(out, *command, path + ' ' + command->get_name());
    }
    return;
  }
  out << ".SS " << roff(path.substr(path.find(' ') + 1)) << '\n'
      << synopsis(app, path) << "\n.PP\n"
      << roff(app.get_description()) << ".\n";
  for (const auto* argument : options_of(app, true)) write_entry(out, *argument);
  for (const auto* option : options_of(app, false)) {
    if (!is_common(*option)) write_entry(out, *option);
  }
  out << ".PP\n.nf\n" << roff(example_of(app)) << "\n.fi\n";
}

constexpr auto after_commands = R"(.SH ENVIRONMENT
.TP
\fBGRANTD_CONFIG\fR
The configuration, where \fB\-\-config\fR is not given.
.TP
\fBGRANTD_ISSUER\fR, \fBGRANTD_\fISECTION\fB__\fIKEY\fR
Override a value of the configuration, as in \fBGRANTD_TOKENS__LIFETIME=10m\fR. An unknown name
with a double underscore is an error; other \fBGRANTD_\fR variables are left alone.
.SH FILES
.TP
\fI/etc/grantd/grantd.json\fR
The configuration, where neither \fB\-\-config\fR nor \fBGRANTD_CONFIG\fR names one. Relative paths
in it start from its directory. It names the database (\fBstorage.url\fR), the pepper
(\fBstorage.pepper_file\fR), the directory of the signing keys (\fBkeys.directory\fR) and the TLS
certificate with its key (\fBlisten.tls\fR).
.SH EXIT STATUS
.TP
\fB0\fR
Done.
.TP
\fB1\fR
Could not be done: not found, exists already, not in this state.
.TP
\fB2\fR
Usage, a value that makes no sense, or configuration.
.SH SIGNALS
.TP
\fBSIGHUP\fR
\fBserve\fR reads configuration, certificate and key directory anew; a fault leaves what runs in
force.
.TP
\fBSIGTERM\fR, \fBSIGINT\fR
\fBserve\fR lets requests in flight end, and stops.
.SH EXAMPLES
.nf
grantd init /etc/grantd \-\-issuer https://auth.example.com
grantd migrate
grantd client create billing \-\-scope api:read \-\-audience https://api.example.com
grantd serve

# a secret rotated without an outage
grantd secret add billing \-\-label new
grantd secret list billing
grantd secret remove billing 4k2j9x0qm1ab
.fi
)";

}  // namespace

std::string render_man_page(const CLI::App& root) {
  std::ostringstream out;
  out << ".\\\" Made by `grantd documentation man`; a test compares.\n"
         ".TH GRANTD 1\n.SH NAME\ngrantd \\- "
      << roff(root.get_description())
      << "\n.SH SYNOPSIS\n\\fBgrantd\\fR \\fICOMMAND\\fR [\\fB\\-\\-config\\fR \\fIFILE\\fR] "
         "[\\fB\\-\\-json\\fR]\n.br\n\\fBgrantd\\fR \\fB\\-\\-version\\fR\n.br\n\\fBgrantd\\fR "
         "[\\fICOMMAND\\fR] \\fB\\-\\-help\\fR\n.SH DESCRIPTION\n"
         "Services post their client credentials over HTTPS and get short\\-lived RS256 access "
         "tokens (RFC 9068).\nThe commands work on the storage; a running server sees their effect "
         "within a second, without a signal.\nNone of them asks questions. A client secret is "
         "shown once, when it is made.\n.SH OPTIONS\nThese stand before or after any command.\n";
  for (const auto* option : options_of(root, false)) write_entry(out, *option);
  out << ".SH COMMANDS\n";
  for (const auto* command : visible_commands(root)) {
    write_command(out, *command, root.get_name() + ' ' + command->get_name());
  }
  out << after_commands;
  return out.str();
}

}  // namespace grantd::cli
