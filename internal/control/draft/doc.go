// Package draft says what may become of a draft: who may add to it, approve it and apply it, what its parts do, and where they clash with what
// the zone has become meanwhile.
//
// A draft is stored as what its parts were and shall be. Each function gives an edit (model.Within) for the one way into zones: what a draft is
// and what it does to the zone are read and written in one transaction, so that two who do something at once, on any nodes, come one after
// the other, and nothing is applied twice. Scheduler applies those whose time has come.
//
// Start with Create, Add, Approve and Apply. The package knows neither tables nor JSON nor how a change is planned.
package draft
