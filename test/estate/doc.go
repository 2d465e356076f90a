// Package estate runs what an operator of several secondaries does with all of them at once: their keys follow one another while
// zones change, and catalogs bring zones to them and take them away. The secondaries are real ones, the primary is a process.
package estate
