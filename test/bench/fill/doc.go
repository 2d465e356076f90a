// Package fill fills a Headwater store with very many small zones, for measurements.
//
// It takes the road of every change: each zone goes through package commit, in two changes as POST /zones and an import of its
// records make them, so that rows, images, journal, serials and audit log are what the API leaves behind. Only the
// requests themselves are left out.
package fill
