package dnssec_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"testing"

	"github.com/headwaterdns/headwater/internal/dns/dnssec"
)

// Signatures that are made together are those that crypto/ecdsa makes one by one, whatever is signed and however many they are.
func TestBatchesSignAlike(t *testing.T) {
	t.Parallel()
	for range 20 {
		k, err := dnssec.Generate(dnssec.ECDSAP256SHA256, dnssec.FlagZone, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{0, 1, 2, 3, 4, 17, 128} {
			texts := make([][]byte, n)
			for i := range texts {
				texts[i] = make([]byte, i)
				_, _ = rand.Read(texts[i])
			}
			sigs, err := dnssec.SignMany(k, texts)
			if err != nil {
				t.Fatal(err)
			}
			for i, text := range texts {
				if one, err := k.Sign(text); err != nil || !bytes.Equal(one, sigs[i]) {
					t.Fatalf("of %d, text %x: %v\n%x together and\n%x alone", n, text, err, sigs[i], one)
				}
			}
		}
	}
}

// BenchmarkSign is what a signature costs alone, and as one of many.
func BenchmarkSign(b *testing.B) {
	k, err := dnssec.Generate(dnssec.ECDSAP256SHA256, dnssec.FlagZone, nil)
	if err != nil {
		b.Fatal(err)
	}
	texts := make([][]byte, 128)
	for i := range texts {
		texts[i] = fmt.Appendf(nil, "%150d", i)
	}
	b.Run("alone", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := k.Sign(texts[0]); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("together", func(b *testing.B) {
		b.ReportAllocs()
		n := 0
		for b.Loop() {
			if n++; n%len(texts) == 0 {
				if _, err := dnssec.SignMany(k, texts); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
