// Package course keeps how the secondaries of zones fared over the last day, for people to look at: in which state each was, when each
// had which version, and what was transferred. All of it has a fixed size for each zone and peer, lives in memory and ends with the process.
//
// It is told what happens (Published, Holds, Stood, Transferred) and knows no more than identifiers and serials; it must not know how
// secondaries are asked, or who looks.
package course
