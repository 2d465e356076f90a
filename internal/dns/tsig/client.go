package tsig

import (
	"crypto/hmac"
	"errors"
	"fmt"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Errors of answers that do not verify.
var (
	ErrUnsigned = errors.New("the answer is not signed")
	ErrKey      = errors.New("the answer is signed with another key")
	ErrMAC      = errors.New("the answer's signature does not fit")
	ErrTime     = errors.New("the answer's time is out of range")
)

// PeerError is an error that the server wrote into its TSIG record.
type PeerError struct{ Code wire.Rcode }

func (e *PeerError) Error() string {
	return "the server answered with TSIG error " + e.Code.ErrorString()
}

// maxUnsigned is how many messages of a sequence may go unsigned in a row (RFC 8945 section 5.3.1).
const maxUnsigned = 99

// Client is the client's side of one signed request: Sign it, then Verify each message that comes back, in order.
type Client struct {
	key      *Key
	digest   digest
	prior    []byte
	later    bool
	unsigned int
	buf      [maxMAC]byte
}

// NewClient makes a client for one request.
func NewClient(k *Key) *Client { return &Client{key: k, digest: newDigest(k)} }

// Overhead is how many octets Sign appends at most.
func (c *Client) Overhead() int { return overhead(c.key.Name, c.key.Algorithm) }

// Sign appends the TSIG record to the request at buf[at:] and counts it there.
func (c *Client) Sign(buf []byte, at int, now time.Time) []byte {
	r := record{
		name: c.key.Name, algorithm: c.key.Algorithm, time: uint64(now.Unix()), fudge: Fudge, id: wire.ID(buf[at:]),
	}
	c.digest.begin(nil)
	c.digest.message(buf[at:], r.id, false)
	c.digest.variables(&r, false)
	r.mac = append(c.buf[:0], c.digest.end()...)
	c.prior = r.mac
	return r.append(buf, at)
}

// Verify checks the next message of the answer. at is the offset of its TSIG record, 0 if it has none; last says that
// no message follows, for then it must be signed. Messages in between may be unsigned.
func (c *Client) Verify(msg []byte, at int, last bool, now time.Time) error {
	if !c.later || c.unsigned == 0 {
		c.digest.begin(c.prior)
	}
	if at == 0 {
		return c.skip(msg, last)
	}
	r, err := parseRecord(msg, at)
	if err != nil {
		return err
	}
	if r.name != c.key.Name || r.algorithm != c.key.Algorithm {
		return ErrKey
	}
	if r.code == wire.RcodeBadKey || r.code == wire.RcodeBadSig {
		return &PeerError{Code: r.code} // never signed, so there is nothing to verify
	}
	c.digest.message(msg[:at], r.id, true)
	c.digest.variables(&r, c.later)
	if !hmac.Equal(c.digest.end(), r.mac) {
		return ErrMAC
	}
	if r.code != wire.RcodeNoError {
		return &PeerError{Code: r.code}
	}
	if !r.inTime(now) {
		return fmt.Errorf("%w: %d s", ErrTime, now.Unix()-int64(r.time))
	}
	c.prior = append(c.buf[:0], r.mac...)
	c.later, c.unsigned = true, 0
	return nil
}

func (c *Client) skip(msg []byte, last bool) error {
	if c.unsigned++; !c.later || last || c.unsigned > maxUnsigned {
		return ErrUnsigned
	}
	c.digest.message(msg, wire.ID(msg), false)
	return nil
}
