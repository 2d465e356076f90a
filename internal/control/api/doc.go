// Package api is the HTTP API in the shape of Cloudflare's v4: routes, JSON shapes, error codes and paging.
//
// It is the only place that knows that JSON. A request becomes a model.Change or a query, an answer is rendered from
// model's objects; what lies below is reached through small interfaces that the package declares itself. It knows no
// SQL, and nothing of zones in memory.
//
//	request --outer--> mux --serve--> credentials, rate, position, permission --> handler --> envelope
//
// Start reading at routes.go, the table of all operations: what is not in it does not exist. request.go is what a handler
// works with, envelope.go and errors.go are what it answers with.
//
// Files are named by resource. record_file.go and its siblings are import and export. recdata.go and its siblings
// translate a record's content and data (contract sections 5.3 and 5.7) to RDATA and back.
package api
