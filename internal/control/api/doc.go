// Package api is the HTTP API in the shape of Cloudflare's v4: routes, JSON shapes, error codes and paging.
//
// It is the only place that knows that JSON. A request becomes a model.Change or a query, an answer is rendered from
// model's objects; what lies below is reached through small interfaces that the package declares itself. It knows no
// SQL, and nothing of zones in memory.
//
//	request --outer--> mux --serve--> credentials, rate, position, permission --> handler --> envelope
//
// Start reading at routes.go: an operation that is in no room's list does not exist. request.go is what a handler works with,
// envelope.go and errors.go are what it answers with.
//
// Resources have rooms of their own below: zone, record, zonefile, transfer and people; package rooms lists them. This package
// knows none of them.
package api
