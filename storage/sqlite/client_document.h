/// What authentication needs of a client, out of the one column that gathers it.
///
/// `client.document` is derived by migrations/sqlite/0007_client_document.sql, which has the format
/// and keeps it in step; nothing here writes it. Pure.
#pragma once

#include <string_view>

#include "storage/records.h"

namespace grantd::storage::sqlite {

/// Adds the lists, the claims and the secrets (without label and last use). False where the
/// document is not as it should be, such as one whose lists are out of order: the client is then to
/// be read from the tables themselves, and holds nothing of use.
[[nodiscard]] bool read_document(std::string_view document, ClientWithSecrets& client);

}  // namespace grantd::storage::sqlite
