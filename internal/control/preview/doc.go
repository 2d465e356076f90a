// Package preview tells what a change would do, from what its plan has come to: which objects come, change and go, which RRsets of both
// faces differ, and what a review finds new or not any more.
//
//	commit plans and renders in a transaction, takes it back, and hands over:  rows, versions before and after
//	preview compares:                                                          model.Plan
//
// What is told is bounded, whatever the change; what is counted is counted whole. Start with Of. The package knows neither stores nor JSON
// nor how a change is planned; it keeps nothing.
package preview
