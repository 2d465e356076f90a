// Package history is the room of the API for what became of zones: their changes, differences, files of the past, and ways back. It knows
// their JSON and asks for changes; it must not know how a past version is worked out.
package history
