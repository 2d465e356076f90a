// Package stranger lets strangers and a tenant do their worst to one process, all at once, while an honest tenant adds
// records and resolvers ask: what they cost must not reach the honest. It knows the outside of the program alone.
package stranger
