// Package update does what messages of opcode UPDATE ask for (RFC 2136): each that a policy of its zone lets in becomes one model.Change.
//
//	dns/server -> Server.Update -> policy, bounds -> Change with a Rewrite -> answer
//	                                                    |
//	                                  inside the transaction: policy again, prerequisites, update, edits of records
//
// Prerequisites are looked at inside the write transaction, so that nothing comes between them and the update, on one node as on many.
// A message that comes twice is done once: its signature is the ID of its change.
//
// Start with Server.Update, then plan.go. What a message says and what it comes to on RRsets is package dns/update's; the package knows
// no SQL, no JSON and no sockets, and none of the rules on records, which commit asks.
package update
