// Package nodes keeps which nodes hold a lease, and what they know of the peers that they notify and watch. It must not
// know which zone falls to which node.
package nodes
