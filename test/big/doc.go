// Package big imports a zone of a million records into a real node in one request, lists it in one page, and looks at the
// process's memory meanwhile. `make big` runs it; without HEADWATER_BIG it does nothing.
package big
