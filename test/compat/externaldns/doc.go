// Package externaldns drives external-dns's Cloudflare provider against a Headwater node. It is a module of its own, since
// external-dns brings most of Kubernetes along.
package externaldns
