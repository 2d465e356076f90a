// Package auth decides who may do what.
//
// An Authenticator turns the plain values of a request (Credentials) into an Identity, or into a Failure that carries
// the status, code and message a client expects (contract section 2.2). An Identity then answers two questions: may it
// do something that wants one of these permission groups on this account or zone (Can), and which zones and accounts
// may a list show it (BoundZones, BoundAccounts).
//
//	Credentials --Authenticate--> Identity --Can--> yes or no
//	e-mail, password --SignIn--> session cookie, CSRF token
//
// Tokens and keys are kept as SHA-256 digests: they are long and random. Passwords are kept as argon2id.
//
// The package must not know HTTP, JSON or tables. Start reading at authenticate.go, then identity.go.
package auth
