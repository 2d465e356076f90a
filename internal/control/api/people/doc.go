// Package people is the room of the API for accounts, users, members, tokens and sessions, entitlements and quotas, and the audit log. It knows their JSON and asks for changes; it must not know how credentials are verified.
package people
