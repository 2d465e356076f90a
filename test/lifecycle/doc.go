// Package lifecycle holds the program to how it starts and ends: as a process of its own, by signals, files and the
// environment.
package lifecycle
