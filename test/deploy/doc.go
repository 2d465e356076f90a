// Package deploy checks what lies in the folder deploy: each file by the tool, or the types, of the system that reads it,
// and all of them against the program's own flags. It is a module of its own, so that the product's stays clean.
package deploy
