// Package zone is the room of the API for zones: making, editing and removing them, their DNS settings and DNSSEC. It knows their JSON and asks for changes; it must not know what is in them.
package zone
