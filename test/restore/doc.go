// Package restore takes a real server back to a backup, as an operator would, while a real secondary holds what is lost.
package restore
