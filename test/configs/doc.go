// Package configs runs what the documents print, from their very text: the first steps of README with each secondary that it
// configures, in a network of their own so that the addresses and ports are those that are printed.
package configs
