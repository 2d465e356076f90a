package model

// Circle is the nodes that hold a lease, and so divide the zones among themselves. Each coming and going makes another
// circle, with the next Epoch.
type Circle struct {
	Epoch uint64
	Nodes []CircleNode // ordered by ID
}

// CircleNode is a node of a circle. Seen is the newest epoch that it is known to have heard of.
type CircleNode struct {
	ID   ID
	Seen uint64
}
