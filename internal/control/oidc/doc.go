// Package oidc signs people in by an OpenID Connect provider: where a browser is sent, and who comes back.
//
// It knows the provider (discovery, keys, tokens, all within bounds of time and size) and what the operator has mapped groups of the
// provider's to. It must not know HTTP of our own, tables, or what a session is.
package oidc
