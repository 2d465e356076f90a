// Package parent holds what we read of a zone's parent against a parent that others wrote: BIND.
package parent
