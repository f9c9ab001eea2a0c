/// The reference page, docs/configuration.md.
#include <algorithm>

#include "config/audiences.h"
#include "config/field.h"
#include "config/issuers.h"
#include "config/load.h"

namespace grantd::config {
namespace {

constexpr std::string_view heading = R"(# Configuration

<!-- Rendered from the table in config/fields.cpp; a test compares. Change the table, not this page. -->

One JSON file; `//` and `/* */` comments may stand in it. It is the file after `--config`, else the one that
`GRANTD_CONFIG` names, else `/etc/grantd/grantd.json`. `config/grantd.example.json` is a complete one,
`config/grantd.schema.json` its JSON Schema (draft 2020-12) for editors.

- Relative paths are relative to the file's directory.
- Durations are strings of a whole number and a unit: `"250ms"`, `"30s"`, `"5m"`, `"12h"`, `"30d"`. Sizes, too: `"512B"`, `"16KiB"`, `"1MiB"`.
- An unknown key, a repeated key and a value of the wrong type are faults. `grantd config check` reports all faults
  together, each with its path, what was found and what is expected; `grantd config show` prints the values in force.
- `issuer`, `listen.tls.certificate_file` and `listen.tls.private_key_file` are required; all else has a default.

## The environment

`GRANTD_` and the key in capitals, sections joined by two underscores, overrides the file and its defaults:

```sh
GRANTD_ISSUER=https://auth.example.com
GRANTD_TOKENS__LIFETIME=10m
GRANTD_KEYS__PUBLISH_BEFORE=20m
GRANTD_LISTEN__TLS__CERTIFICATE_FILE=/run/tls/tls.crt
```

- A value is written as in the file, without quotes; a number as digits. A relative path is relative to the file's directory.
- An unknown variable that begins with `GRANTD_` and holds two underscores in a row is a fault. Other `GRANTD_*` variables are
  left alone: container platforms set such ones.
- A fault of a value that came from the environment names its variable.
- The environment is read once, at the start of the process: a reload sees the file's changes below it.

## Reload

`SIGHUP` reads the file and the TLS files again, all or nothing: a fault leaves in force what runs. The column "changes" says
whether a reload applies a key; what needs a restart keeps its running value, and the log names it.

)";

constexpr std::string_view combinations_heading = R"(## Unsafe combinations

Refused at start and at reload, each by name:

)";

std::string code(const std::string& text) { return "`" + text + "`"; }

std::string row(const Field& field) {
  const auto& words = field.words;
  return "| " + code(words.path) + " | " + field.expected + " | " +
         (words.fallback.empty() ? "required" : code(words.fallback)) + " | " +
         (words.reload == Reload::applies ? "reload" : "restart") + " | " +
         (settable_by_environment(field) ? code(variable_of(words.path)) : "in the file alone") +
         " | " + words.meaning + " |\n";
}

void append_members(std::string& out, std::string_view map, const KeyWords& keys,
                    const std::vector<MemberWords>& members) {
  out += "\nA key of `" + std::string(map) + "` is " + keys.expected +
         "; its value an object:\n\n| key | value | default | meaning |\n|---|---|---|---|\n";
  for (const auto& each : members) {
    out += "| " + code(each.key) + " | " + each.expected + " | " +
           (each.fallback.empty() ? "required" : each.fallback) + " | " + each.meaning + " |\n";
  }
}

void append_section(std::string& out, const Section& section) {
  out += "## " + (section.path.empty() ? "Top level" : code(section.path)) + "\n\n" +
         section.meaning + "\n\n| key | value | default | changes | environment | meaning |\n" +
         "|---|---|---|---|---|---|\n";
  for (const auto& each : fields()) {
    if (section_of(each.words.path) == section.path) out += row(each);
  }
  if (section.path.empty()) {
    append_members(out, "audiences", audience_keys(), words_of(audience_members()));
  } else if (section.path == "exchange") {
    append_members(out, "exchange.issuers", issuer_keys(), words_of(issuer_members()));
  }
  out += "\n";
}

}  // namespace

std::string render_reference() {
  std::string out(heading);
  for (const auto& section : sections()) append_section(out, section);
  out += combinations_heading;
  for (const auto& each : combinations()) {
    out += "- " + code(each.path) + " must be " + each.relation + " " + code(each.other) + ", " +
           each.why + ".\n";
  }
  return out;
}

}  // namespace grantd::config
