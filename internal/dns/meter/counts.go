package meter

// Counts are queries by class.
type Counts [Classes]uint64
