package journal

import "testing"

// TestTailLong holds what may be behind an image against the zone's size: images of a large zone must not follow one
// another every few thousand changes.
func TestTailLong(t *testing.T) {
	t.Parallel()
	const large = 40 << 20
	for _, tc := range []struct {
		name        string
		size, fresh int
		count       int32
		long        bool
	}{
		{"few entries", 0, 4096 * 100, 4096, false},
		{"many entries, size unknown", 0, 4097 * 100, 4097, true},
		{"many entries of a large zone", large, 4097 * 100, 4097, false},
		{"an entry for each KiB", large, 40 << 10 * 100, 40 << 10, false},
		{"more than that", large, 40<<10*100 + 1, 40<<10 + 1, true},
		{"a mebibyte", 100, 1 << 20, 1, false},
		{"more than a mebibyte of a small zone", 100, 1<<20 + 1, 1, true},
		{"half of a large zone", large, large / 2, 1, false},
		{"more than half of a large zone", large, large/2 + 1, 1, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			z := tail{size: tc.size, fresh: tc.fresh, count: tc.count}
			if z.long() != tc.long {
				t.Errorf("%d entries of %d octets behind an image of %d: long is %v", tc.count, tc.fresh, tc.size, z.long())
			}
		})
	}
}
