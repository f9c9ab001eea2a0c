/// `serve --dev`: a server without any configuration, not for production. Private to server/cli.
#pragma once

#include <filesystem>

#include "server/cli/command.h"

namespace grantd::cli {

/// Makes in `directory` what is missing (certificates, pepper, configuration, database, the client
/// `demo`), gives `demo` a fresh secret, and says what to serve. The lines to try, which show the
/// secret, go to stderr once the server listens.
[[nodiscard]] Outcome<ServeRequest> prepare_development(const std::filesystem::path& directory);

}  // namespace grantd::cli
