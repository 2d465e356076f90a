// Package primary is the only way into a zone: it takes a model.Change through plan, render, diff and serial (a file
// each), commits it, and waits until this node's memory shows it.
package primary
