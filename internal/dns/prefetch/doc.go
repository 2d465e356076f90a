// Package prefetch has the processor fetch memory that will be read soon, and does not wait for it. It knows nothing of what is there.
//
// An octet that is read for the same end is waited for: nothing that comes after it is finished before it has arrived, and soon nothing
// more can be begun. What is no memory is passed over. Where the instruction is not known nothing is fetched, which costs time and nothing else.
package prefetch

// Size is how many octets a line of the processor's cache has, on what most servers run on; elsewhere a line is fetched twice, or not.
const Size = 64
