// Package transfer is the room of the API for zone transfers: TSIGs, peers, ACLs, the outgoing configuration, its settings, the review, and how secondaries stand. It knows their JSON and asks for changes; it must not know how transfers are made.
package transfer
