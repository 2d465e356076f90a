// Package zonefile is the room of the API for zone files: import and export as streams, and copies of zones from other servers. It knows their JSON and asks for changes; it must not know how records are kept.
package zonefile
