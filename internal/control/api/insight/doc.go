// Package insight is the room of the API for what people look at and nobody changes: queries by zone and response code, the course of a
// zone's secondaries over a day, and what the parent says of a zone. It knows their JSON; it must not know how they are found out.
package insight
