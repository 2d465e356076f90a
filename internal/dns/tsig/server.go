package tsig

import (
	"crypto/hmac"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Server is the server's side of one signed request: it signs the response, or every message of a transfer in turn. It is
// not safe for use by several goroutines.
type Server struct {
	key    *Key
	digest digest
	prior  []byte // the MAC that the next one builds on
	later  bool   // a message was signed: timers only from here (RFC 8945 section 5.3.1)
	req    record
	code   wire.Rcode
	buf    [maxMAC]byte
	clock  [6]byte
}

// Verify checks the TSIG record at msg[at:] of a request against the keys that could have made it, several of one name
// included (RFC 8945 section 5.2). code is NOERROR; or BADKEY, BADSIG, BADTIME or BADTRUNC, for an answer of NOTAUTH
// that the Server writes its error into; or FORMERR, without a Server, for a record that cannot be read.
func Verify(msg []byte, at int, keys []*Key, now time.Time) (*Server, wire.Rcode) {
	r, err := parseRecord(msg, at)
	if err != nil {
		return nil, wire.RcodeFormErr
	}
	s := &Server{req: r, code: wire.RcodeBadKey}
	s.req.other = nil
	// The record points into a receive buffer; what outlives it is copied.
	s.req.mac = append([]byte(nil), r.mac...)
	for _, k := range keys {
		if k.Name != r.name || k.Algorithm != r.algorithm {
			continue
		}
		size := k.Algorithm.Size()
		// RFC 8945 section 5.2.2.1: these lengths are never valid.
		if len(r.mac) > size || len(r.mac) < max(10, size/2) {
			return nil, wire.RcodeFormErr
		}
		s.code = wire.RcodeBadSig
		if s.matches(k, msg[:at], &r) {
			s.key, s.code, s.prior = k, wire.RcodeNoError, s.req.mac
			break
		}
	}
	if s.key == nil {
		return s, s.code
	}
	switch {
	case !r.inTime(now):
		s.code = wire.RcodeBadTime
	case len(r.mac) != s.key.Algorithm.Size():
		s.code = wire.RcodeBadTrunc // local policy: nobody who transfers zones needs to shorten a MAC
	}
	return s, s.code
}

func (s *Server) matches(k *Key, msg []byte, r *record) bool {
	s.digest = newDigest(k)
	s.digest.begin(nil)
	s.digest.message(msg, r.id, true)
	s.digest.variables(r, false)
	return hmac.Equal(s.digest.end()[:len(r.mac)], r.mac)
}

// Key is the key that the request was signed with, nil if none fits (BADKEY, BADSIG).
func (s *Server) Key() *Key { return s.key }

// MAC is the signature of the request: whoever sends it again sends the same message. It must not be changed.
func (s *Server) MAC() []byte { return s.req.mac }

// KeyName is the key that the request names, whether it is one of ours or not.
func (s *Server) KeyName() wire.Name { return s.req.name }

// Overhead is how many octets Sign appends at most.
func (s *Server) Overhead() int { return overhead(s.req.name, s.req.algorithm) }

// Sign appends the TSIG record to the message at buf[at:] and counts it there: unsigned for BADKEY and BADSIG, with our
// clock for BADTIME (RFC 8945 section 5.2). Called again, it signs the next message of a sequence. It allocates nothing
// where buf has room. The error is always nil; it stands for the signature that transfers want.
func (s *Server) Sign(buf []byte, at int, now time.Time) ([]byte, error) {
	r := record{
		name: s.req.name, algorithm: s.req.algorithm, time: uint64(now.Unix()), fudge: Fudge,
		id: wire.ID(buf[at:]), code: s.code,
	}
	if s.key == nil {
		r.time, r.fudge = s.req.time, s.req.fudge
		return r.append(buf, at), nil
	}
	if s.code == wire.RcodeBadTime {
		// The client's own time comes back, so that it can verify; ours stands in other data (section 5.2.3).
		r.other = appendTime(s.clock[:0], r.time)
		r.time = s.req.time
	}
	s.digest.begin(s.prior)
	s.digest.message(buf[at:], r.id, false)
	s.digest.variables(&r, s.later)
	r.mac = append(s.buf[:0], s.digest.end()...)
	s.prior, s.later = r.mac, true
	return r.append(buf, at), nil
}
