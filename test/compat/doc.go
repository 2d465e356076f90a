// Package compat drives clients that were written for Cloudflare against a Headwater node, with nothing changed but the base
// URL and the credentials. Every exchange passes a proxy that holds it against api/openapi.yaml.
//
// It is a module of its own so that the clients' dependencies stay out of the product's go.mod.
package compat
