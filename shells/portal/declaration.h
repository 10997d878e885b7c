#pragma once

#include <string>
#include <vector>

#include "shells/portal/store/store.h"
#include "shells/portal/toml_document.h"

namespace connlib::portald {

// A declaration says what there shall be: [account], [[sites]], [[actors]], [[groups]],
// [[resources]], [[policies]], with the members of each Kind, but names instead of ids. A section
// that it has is complete: what is not listed there is removed. A section that it has not is left
// alone. Objects are the same if they have the same name; policies, if they join the same pair.

// apply_declaration() makes it so, in the transaction of `writer`; writer.changes() is the
// difference. The refusal's pointer is one into the document.
Refusal apply_declaration(Writer& writer, const Json& declaration);

// export_declaration() is the declaration of all there is, as TOML.
std::string export_declaration(Store& store);

// describe() is the difference for people: a line per object, and below it each member that is
// another.
std::string describe(Store& store, const std::vector<Change>& changes);

}  // namespace connlib::portald
