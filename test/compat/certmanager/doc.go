// Package certmanager drives cert-manager's solvers of DNS-01 challenges, and its look at the DNS, against a Headwater node. It is a module of
// its own, since cert-manager brings much of Kubernetes along.
package certmanager
