// Package flatten finds out the addresses that stand in for flattened CNAMEs.
//
// Rendering (package face) tells by Want which owners are flattened to which targets, and asks by Lookup what is known.
// Flattener.Run looks each target up once for all its owners in an account, again when its TTL runs out, and asks for a
// Relearn of the owners when something has changed. Targets in zones of the same account are answered from memory, others by
// the configured resolver (resolver.go).
//
// The package knows neither records nor faces, and must not know quotas. Start with Flattener; target.go holds the rules of
// time, account.go what tenants may take of the look-ups, hold.go what secondaries get, chain.go what is believed of an
// answer. Package ask has the sockets.
package flatten
