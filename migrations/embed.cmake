# Embeds migrations/*/*.sql into the binary, each with its SHA-256 and its `compatible_from` level: a
# migration that was changed after it was applied somewhere must be noticed.

# The rows of a backend's table of migrations, as C++, into the variable `result`.
function(grantd_migration_rows backend result)
  file(GLOB files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/migrations/${backend}/*.sql)
  list(SORT files)
  set(rows "")
  foreach(file ${files})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    get_filename_component(name ${file} NAME_WE)
    file(READ ${file} sql)
    file(SHA256 ${file} checksum)
    if(NOT name MATCHES "^([0-9][0-9][0-9][0-9])_[a-z0-9_]+$")
      message(FATAL_ERROR "${file}: a migration is named NNNN_words.sql")
    endif()
    math(EXPR number "1${CMAKE_MATCH_1} - 10000")
    if(NOT sql MATCHES "-- compatible_from: ([0-9]+)")
      message(FATAL_ERROR "${file}: lacks a line '-- compatible_from: N'")
    endif()
    set(compatible_from ${CMAKE_MATCH_1})
    string(APPEND rows "    {${number}, \"${name}\", R\"sql(${sql})sql\", \"${checksum}\", ${compatible_from}},\n")
  endforeach()
  set(${result} "${rows}" PARENT_SCOPE)
endfunction()

grantd_migration_rows(sqlite sqlite_rows)
grantd_migration_rows(postgres postgres_rows)
set(GRANTD_EMBEDDED_MIGRATIONS ${CMAKE_BINARY_DIR}/embedded_migrations.cpp)
file(CONFIGURE OUTPUT ${GRANTD_EMBEDDED_MIGRATIONS} @ONLY CONTENT
"// Made by migrations/embed.cmake.
#include <array>

#include \"storage/migrator.h\"

namespace grantd::storage {
namespace {
constexpr auto sqlite_files = std::to_array<Migration>({
@sqlite_rows@});
constexpr auto postgres_files = std::to_array<Migration>({
@postgres_rows@});
}  // namespace

std::span<const Migration> sqlite_migrations() { return sqlite_files; }
std::span<const Migration> postgres_migrations() { return postgres_files; }

}  // namespace grantd::storage
")
