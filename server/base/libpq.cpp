#include "server/base/libpq.h"

#include <dlfcn.h>

namespace grantd {
namespace {

/// The interface's version, the same in every PostgreSQL since 8.0: distributions' name of the
/// file.
constexpr auto file_name = "libpq.so.5";

std::unexpected<std::string> not_loaded() {
  // dlerror() is of this thread, as glibc has it. NOLINTNEXTLINE(concurrency-mt-unsafe)
  const char* reason = ::dlerror();
  return std::unexpected(std::string("PostgreSQL's client library ") + file_name +
                         " cannot be loaded: " + (reason == nullptr ? "no reason" : reason) +
                         "; install libpq5");
}

template <typename Function>
bool find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(library, name));
  return function != nullptr;
}

std::expected<Libpq, std::string> load() {
  // Its symbols stay among themselves: none takes the place of one of ours, or the reverse.
  void* library = ::dlopen(file_name, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return not_loaded();
  Libpq found;
#define GRANTD_LIBPQ_FIND(name) \
  if (!find(library, #name, found.name)) return not_loaded();
  GRANTD_LIBPQ_FUNCTIONS(GRANTD_LIBPQ_FIND)
#undef GRANTD_LIBPQ_FIND
  return found;
}

const std::expected<Libpq, std::string>& loaded() {
  static const auto once = load();
  return once;
}

}  // namespace

std::expected<void, std::string> load_libpq() {
  if (!loaded()) return std::unexpected(loaded().error());
  return {};
}

const Libpq& libpq() noexcept { return *loaded(); }

}  // namespace grantd
