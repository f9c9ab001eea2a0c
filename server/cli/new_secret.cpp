#include "server/cli/new_secret.h"

#include <utility>

#include "server/base/random.h"
#include "server/clients/registration.h"
#include "server/clients/secret.h"

namespace grantd::cli {
namespace {

constexpr std::size_t max_secret_file_bytes = 4096;

/// Text that has our own form names its secret id, so that the secret keeps it: one that comes from
/// another grantd goes on as it was.
Outcome<void> bring(const std::filesystem::path& file, SecretString& text,
                    storage::SecretRecord& record) {
  const auto content = read_secret_file(file, max_secret_file_bytes);
  if (!content) return std::unexpected(content.error());
  const auto secret = clients::without_final_newline(content->view());
  if (const auto fault = clients::fault_of_imported_secret(secret)) {
    return makes_no_sense(file.string() + ": " + *fault);
  }
  const auto own_id = clients::secret_id_in(secret);
  SystemRandom random;
  record.secret_id = own_id ? std::string(*own_id) : clients::generate_secret_id(random);
  record.imported = !own_id;
  text = SecretString(secret);
  return {};
}

}  // namespace

Outcome<NewSecret> make_secret(Context& context, const SecretOrder& order) {
  NewSecret made;
  made.record.label = order.label;
  made.record.created_at = floor_seconds(context.now);
  if (order.expires_in) made.record.expires_at = ceil_seconds(context.now + *order.expires_in);
  auto faults = clients::faults_of_text("label", order.label, clients::max_label_bytes);
  if (!faults.empty()) return std::unexpected(Failure{status_usage, std::move(faults)});

  SecretString text;
  if (order.from_file) {
    if (const auto brought = bring(*order.from_file, text, made.record); !brought) {
      return std::unexpected(brought.error());
    }
  } else {
    SystemRandom random;
    auto generated = clients::generate_secret(random);
    made.record.secret_id = std::move(generated.secret_id);
    text = std::move(generated.text);
  }

  const auto peppers = load_peppers(context);
  if (!peppers) return std::unexpected(peppers.error());
  made.record.pepper_id = peppers->current().pepper_id;
  made.record.digest = peppers->digest_with_current(text.view());
  const auto registered =
      context.storage->register_pepper(peppers->current(), floor_seconds(context.now));
  if (!registered) return store_failure(registered.error(), "the pepper");
  if (!order.from_file) made.text = std::move(text);
  return made;
}

}  // namespace grantd::cli
